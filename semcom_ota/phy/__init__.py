"""The air interface: payload symbols to samples and back, in numpy and numba."""
