"""Keys for sockets that other machines reach: CURVE (Curve25519) of ZMQ.

The end that binds has the secret key, those that connect have its public one: they know whom they hear, and what is
said is encrypted. A key file is one line, 40 characters in Z85.
"""

import os
import re
from pathlib import Path

import zmq

from semcom_ota.config import ConfigError

SECRET, PUBLIC = ".secret", ".public"
_KEY = re.compile(rb"[0-9a-zA-Z.\-:+=^!/*?&<>()\[\]{}@%$#]{40}\s*")


def make_keys(name: Path) -> tuple[Path, Path]:
    """Make a pair of keys: NAME.secret, which nobody else may read, and NAME.public.

    Raises:
        ConfigError: one of the files is there already, or cannot be written.
    """
    files = name.with_name(name.name + SECRET), name.with_name(name.name + PUBLIC)
    for file in files:  # before either is written: half a pair is of no use
        if file.exists():
            raise ConfigError(f"'{file}' is there already: choose another name, or remove it")
    public, secret = zmq.curve_keypair()
    made: list[Path] = []
    try:
        for file, key, mode in ((files[0], secret, 0o600), (files[1], public, 0o644)):
            with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as stream:
                made.append(file)
                stream.write(key + b"\n")
    except OSError as error:
        for half in made:
            half.unlink(missing_ok=True)
        raise ConfigError(f"cannot write '{file}' ({error.strerror}): choose another folder") from error
    return files


def read_key(file: Path) -> bytes:
    """A key, secret or public.

    Raises:
        ConfigError: the file cannot be read, or holds no key.
    """
    try:
        with file.open("rb") as stream:
            content = stream.read(64)
    except OSError as error:
        raise ConfigError(f"cannot read the key '{file}' ({error.strerror}): make one with semcom keys") from error
    if not _KEY.fullmatch(content):
        raise ConfigError(f"'{file}' holds no key: make one with semcom keys")
    return content.strip()
