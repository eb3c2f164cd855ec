"""Checksums, channel code and constellations: what the air interface and the conventional codecs share."""
