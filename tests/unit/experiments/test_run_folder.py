import json
from pathlib import Path

import pytest

from semcom_ota.config import ConfigError
from semcom_ota.experiments.run_folder import check_folder, write_json


def test_a_json_file_is_replaced_at_one_stroke(tmp_path):
    file, link = tmp_path / "deep" / "a.json", tmp_path / "link.json"
    write_json(file, {"a": 1})
    link.symlink_to(file)
    write_json(link, {"a": 2})
    assert json.loads(file.read_text()) == {"a": 2} and link.is_symlink()
    assert [found.name for found in file.parent.iterdir()] == ["a.json"]


def test_a_device_stays_one():
    write_json(Path("/dev/null"), {"a": 1})
    assert Path("/dev/null").is_char_device()


def test_what_cannot_be_written_is_a_sentence(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="choose another file"):
        write_json(tmp_path / "file" / "a.json", {})


def test_a_folder_is_checked_without_a_trace(tmp_path):
    check_folder(tmp_path / "deep" / "run")
    assert not list(tmp_path.iterdir())
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "config.json").write_text("{}")
    check_folder(kept)
    assert (kept / "config.json").read_text() == "{}"
    (kept / "summary.json").touch()
    with pytest.raises(ConfigError, match="already holds a run"):
        check_folder(kept)
    with pytest.raises(ConfigError, match="choose another --out"):
        check_folder(kept / "config.json" / "run")
    assert sorted(file.name for file in kept.iterdir()) == ["config.json", "summary.json"]
