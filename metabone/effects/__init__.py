"""From a table of studies to effect sizes and their sampling variances."""
