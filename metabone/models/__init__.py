"""Arrays in, fits out: the models, batched over a leading axis."""
