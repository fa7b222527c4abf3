"""From a spreadsheet to a validated table of studies."""
