"""A tiny reader of memories, in its folder."""

import pytest
from readers import save_tiny_reader


@pytest.fixture(scope="session")
def reader_folder(tmp_path_factory):
    return save_tiny_reader(tmp_path_factory.mktemp("reader"))
