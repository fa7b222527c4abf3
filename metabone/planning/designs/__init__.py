"""Study designs in bench units: power, whole animals and the detectable effect of each."""
