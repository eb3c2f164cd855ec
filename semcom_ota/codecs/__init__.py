"""Codecs: text to payload symbols and back. base.py says what each of them promises."""
