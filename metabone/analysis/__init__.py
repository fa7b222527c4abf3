"""An analysis is a file: one TOML in, one folder of results out."""
