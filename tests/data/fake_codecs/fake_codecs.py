"""Codecs that a user could have installed, for tests of the workers: no torch, and trouble on demand.

The folder is a small installed distribution: with it on the path, its entry points are found.
"""

import os
import time
from dataclasses import replace

import numpy as np

from semcom_ota.codecs.base import Decoded, DoesNotFit, Encoded


class Letters:
    """One byte, one symbol: its phase."""

    name = "letters"
    number = 200
    ordered_symbols = False

    def __init__(self, codec, device):
        """Take what every codec is given."""

    def symbol_count(self, text):
        """One for each byte."""
        return len(text.encode())

    def encode(self, text, *, n_symbols=None, snr_db=None):
        """Bytes to phases. `!fail` breaks, `!pid` and `!threads` tell of the process, `!wait S` takes S seconds."""
        if text == "!fail":
            raise RuntimeError("the model\n  broke")
        if text == "!pid":
            text = str(os.getpid())
        if text == "!threads":
            text = os.environ["OMP_NUM_THREADS"]
        if text.startswith("!wait"):
            time.sleep(float(text.removeprefix("!wait ")))
        data = np.frombuffer(text.encode(), np.uint8)
        if n_symbols is not None and n_symbols < len(data):
            raise DoesNotFit(f"{len(data)} bytes need more than {n_symbols} symbols")
        padded = np.zeros(n_symbols or len(data), np.uint8)
        padded[: len(data)] = data
        return Encoded(np.exp(2j * np.pi * padded / 256).astype(np.complex64), len(data))

    def decode(self, symbols, noise_variance, parameters):
        """Phases to bytes; a lost one reads as a question mark."""
        lost = np.isinf(noise_variance)
        data = (np.round(np.angle(symbols) * 256 / (2 * np.pi)) % 256).astype(np.uint8)
        data[lost] = ord("?")
        text = data[:parameters].tobytes().decode("utf-8", "replace")
        if text == "!fail":
            raise RuntimeError("the model broke")
        return Decoded(text, 0.5 if lost.any() else 1.0, not lost.any())


class Fives(Letters):
    """Spends five symbols on any text."""

    name = "fives"
    number = 201

    def symbol_count(self, text):
        """Five, always."""
        return 5


class Gossip(Letters):
    """Says of every message what it was heard after."""

    name = "gossip"
    number = 203

    def decode_after(self, message, before):
        """See `MemoryCodec`."""
        decoded = self.decode(message.symbols, message.noise_variance, message.parameters)
        return replace(decoded, text=f"{decoded.text} {len(before)} {before[-1].text[-40:]}")


class Twin(Letters):
    """Has the number of another codec."""

    name = "twin"


class Broken(Letters):
    """Its checkpoint is damaged."""

    name = "broken"
    number = 202

    def __init__(self, codec, device):
        """Raise what a library raises on a truncated file."""
        raise OSError("Error while deserializing header:\n  incomplete metadata, file not fully covered")
