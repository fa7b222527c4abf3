"""Study planning: how many animals, on what evidence, in which cages."""
