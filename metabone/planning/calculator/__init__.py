"""The calculator: one page that plans studies by itself, with the planner's own Python in it."""
