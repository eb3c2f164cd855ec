"""For all tests."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

settings.register_profile("seeded", derandomize=True, deadline=None)  # the same examples on every run and machine
settings.load_profile("seeded")


@pytest.fixture(scope="session")
def grc_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home for GNU Radio Companion and grcc, where they keep what they have read of 600 files."""
    return tmp_path_factory.mktemp("grc_home")


@pytest.fixture(scope="session")
def grc(grc_home: Path) -> Any:
    """GNU Radio Companion without its window: all blocks, ours among them, as it loads them."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("HOME", str(grc_home))
        patched.setenv("GRC_BLOCKS_PATH", str(Path(__file__).parents[1] / "grc"))
        from gnuradio import gr
        from gnuradio.grc.core.platform import Platform

        parts = gr.major_version(), gr.api_version(), gr.minor_version()
        platform = Platform(name="GRC", prefs=gr.prefs(), version=gr.version(), version_parts=parts)
        platform.build_library()
    return platform
