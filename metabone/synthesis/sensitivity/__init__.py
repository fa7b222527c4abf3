"""How far a pooled answer hangs on single effects and studies."""
