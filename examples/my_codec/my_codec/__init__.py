"""A codec of one's own: see spelling.py, and docs/codecs.md of semcom-ota."""
