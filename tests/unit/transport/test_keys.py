import stat

import pytest

from semcom_ota.config import ConfigError
from semcom_ota.transport.keys import make_keys, read_key


def test_a_pair_of_keys_can_be_read_and_the_secret_one_by_its_owner_alone(tmp_path):
    secret, public = make_keys(tmp_path / "lab.rx")
    assert (secret.name, public.name) == ("lab.rx.secret", "lab.rx.public")
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert len(read_key(secret)) == len(read_key(public)) == 40 and read_key(secret) != read_key(public)


def test_a_key_is_never_replaced(tmp_path):
    secret, _ = make_keys(tmp_path / "lab")
    before = secret.read_bytes()
    with pytest.raises(ConfigError, match=r"lab\.secret' is there already"):
        make_keys(tmp_path / "lab")
    assert secret.read_bytes() == before
    with pytest.raises(ConfigError, match="cannot write"):
        make_keys(tmp_path / "nowhere" / "lab")


@pytest.mark.parametrize("half", ["lab.secret", "lab.public"])
def test_half_a_pair_is_never_made(tmp_path, half):
    (tmp_path / half).write_text("there already")
    for _ in range(2):
        with pytest.raises(ConfigError, match=f"{half}' is there already: choose another name, or remove it"):
            make_keys(tmp_path / "lab")
        assert [file.name for file in tmp_path.iterdir()] == [half]
    (tmp_path / half).unlink()
    make_keys(tmp_path / "lab")


def test_what_cannot_be_written_in_whole_leaves_nothing(tmp_path):
    (tmp_path / "lab.public").symlink_to(tmp_path / "nowhere" / "else")  # not there, and cannot be made
    with pytest.raises(ConfigError, match=r"cannot write '.*lab\.public'"):
        make_keys(tmp_path / "lab")
    assert not (tmp_path / "lab.secret").exists()


@pytest.mark.parametrize("content", [b"", b"short", b"x" * 41, b'"' * 40, b"\xff" * 40, b"x" * 40 + b" y"])
def test_what_is_no_key_is_refused(content, tmp_path):
    (tmp_path / "key").write_bytes(content)
    with pytest.raises(ConfigError, match="holds no key: make one with semcom keys"):
        read_key(tmp_path / "key")
    with pytest.raises(ConfigError, match="cannot read the key"):
        read_key(tmp_path / "nowhere")
