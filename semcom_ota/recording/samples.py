"""Samples of a file, whatever they are stored as, a piece at a time."""

import re
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from semcom_ota.config import ConfigError
from semcom_ota.types import ComplexArray

_DATATYPE = re.compile(r"c(?:(?:f(?:32|64)|[iu](?:16|32))_(?:le|be)|[iu]8)")
DATATYPES = "cf32, cf64, ci32, ci16, cu32, cu16 (each _le or _be), ci8, cu8"
RAW = {
    ".cf32": "cf32_le", ".fc32": "cf32_le", ".cfile": "cf32_le", ".c64": "cf32_le",
    ".ci16": "ci16_le", ".cs16": "ci16_le", ".sc16": "ci16_le", ".ci8": "ci8", ".cs8": "ci8", ".cu8": "cu8",
}  # fmt: skip
"""Files of samples and nothing else, by the suffixes that are usual for them."""


@dataclass(frozen=True, slots=True)
class SampleFile:
    """Complex samples in a file, stored as a SigMF datatype says."""

    path: Path
    datatype: str


class SampleReader:
    """Reads a `SampleFile`. Integers are scaled to -1..1, as the `sigmf` package does it."""

    def __init__(self, file: SampleFile):
        """Open the file; what is left of a sample at its end is ignored.

        Raises:
            ConfigError: it cannot be read, holds no sample, or is of a datatype that is not one of `DATATYPES`.
        """
        import sigmf  # slow to import

        if not _DATATYPE.fullmatch(file.datatype):
            raise ConfigError(f"'{file.path}' holds '{file.datatype[:40]}': what can be read is {DATATYPES}")
        bits = int(re.sub(r"\D", "", file.datatype))
        try:
            self.count = file.path.stat().st_size // (2 * bits // 8)
            if not self.count:
                raise ConfigError(f"'{file.path}' holds no samples")
            with warnings.catch_warnings(action="ignore"):
                self._file = sigmf.SigMFFile({"global": {sigmf.DATATYPE_KEY: file.datatype}})
                size = self.count * 2 * bits // 8
                self._file.set_data_file(str(file.path), skip_checksum=True, size_bytes=size)
        except OSError as error:
            raise ConfigError(f"cannot read '{file.path}' ({error.strerror})") from error

    def read(self, start: int, count: int) -> ComplexArray:
        """Up to `count` samples from index `start` on, (n,) complex64; none beyond the end.

        Raises:
            ConfigError: the file cannot be read any more.
        """
        count = min(count, self.count - start)
        if count <= 0:
            return np.zeros(0, np.complex64)
        try:
            samples: ComplexArray = self._file.read_samples(start, count)
        except OSError as error:
            raise ConfigError(f"cannot read on in '{self._file.data_file}' ({error.strerror})") from error
        return samples
