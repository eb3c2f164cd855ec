"""Codecs that a user could have installed."""

import sys
from pathlib import Path

import pytest

FAKE_CODECS = Path(__file__).parents[2] / "data" / "fake_codecs"


@pytest.fixture
def fake_codecs(monkeypatch):
    """Make `letters`, `fives`, `broken`, `twin` and a second `utf8` known to this process."""
    monkeypatch.syspath_prepend(str(FAKE_CODECS))
    yield
    sys.modules.pop("fake_codecs", None)
