"""Captured IQ as SigMF (https://sigmf.org), written and read. docs/recording.md describes the `semcom:` extension."""
