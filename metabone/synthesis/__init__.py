"""From effect sizes to pooled answers."""
