"""Recipes that train the learned codecs."""
