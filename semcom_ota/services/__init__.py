"""The worker processes, where the models run."""
