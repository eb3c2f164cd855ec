"""Runs, their statistics and their report."""
