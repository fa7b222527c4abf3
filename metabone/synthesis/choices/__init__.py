"""Every defensible way to analyse one table: the specification curve and its tests."""
