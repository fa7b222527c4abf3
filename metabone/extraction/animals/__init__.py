"""Files with one line for each animal, or for each measurement of one, to extraction rows."""
