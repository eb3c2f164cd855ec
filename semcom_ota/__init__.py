"""semcom-ota: large-model semantic communication on the air."""

__version__ = "0.1.0"
