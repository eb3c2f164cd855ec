import numpy as np
import pytest
import sigmf

from semcom_ota.config import ConfigError
from semcom_ota.recording.samples import RAW, SampleFile, SampleReader

DATATYPES = ["cf32_le", "cf32_be", "cf64_le", "ci32_be", "ci16_le", "ci16_be", "cu16_le", "cu32_le", "ci8", "cu8"]


def stored(datatype: str, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Random samples: as they stand in the file (real and imaginary parts in turn), and as complex numbers in -1..1."""
    kind, size = datatype[1], int("".join(filter(str.isdigit, datatype))) // 8
    dtype = np.dtype(f"{'>' if datatype.endswith('be') else '<'}{kind}{size}")
    rng = np.random.default_rng(1)
    if kind == "f":
        parts = rng.uniform(-1, 1, 2 * count).astype(dtype)
        values = parts.astype(np.float64)
    else:
        limits = np.iinfo(dtype)
        parts = rng.integers(limits.min, limits.max, 2 * count, dtype=dtype.newbyteorder("="), endpoint=True)
        values = (parts.astype(np.float64) - (limits.max + 1) / 2 * (kind == "u")) / 2 ** (8 * size - 1)
        parts = parts.astype(dtype)
    return parts, values[::2] + 1j * values[1::2]


@pytest.mark.parametrize("datatype", DATATYPES)
def test_samples_come_out_piece_by_piece_as_they_are(datatype, tmp_path):
    parts, values = stored(datatype, 1000)
    file = tmp_path / "capture.sigmf-data"
    file.write_bytes(parts.tobytes() + b"x")  # one byte too many, as when a recorder was killed
    reader = SampleReader(SampleFile(file, datatype))
    assert reader.count == 1000
    pieces = [reader.read(start, 333) for start in range(0, 1200, 333)]
    assert [len(piece) for piece in pieces] == [333, 333, 333, 1]
    samples = np.concatenate(pieces)
    assert samples.dtype == np.complex64
    np.testing.assert_allclose(samples, values, atol=1e-6)
    assert not len(reader.read(5000, 10))


def test_whatever_is_called_readable_is_a_datatype_of_sigmf():
    for datatype in {*RAW.values(), *DATATYPES}:
        assert sigmf.sigmffile.dtype_info(datatype)["is_complex"]


@pytest.mark.parametrize("datatype", ["rf32_le", "cf32", "ci8_le", "cf16_le", "", "x" * 1000, "ci16_le\n"])
def test_other_datatypes_are_refused(datatype, tmp_path):
    (tmp_path / "file").write_bytes(b"12345678")
    with pytest.raises(ConfigError, match="what can be read is"):
        SampleReader(SampleFile(tmp_path / "file", datatype))


def test_a_file_without_samples_and_no_file_are_refused(tmp_path):
    (tmp_path / "file").write_bytes(b"1234567")
    with pytest.raises(ConfigError, match="no samples"):
        SampleReader(SampleFile(tmp_path / "file", "cf32_le"))
    with pytest.raises(ConfigError, match="cannot read"):
        SampleReader(SampleFile(tmp_path / "nowhere", "cf32_le"))
    with pytest.raises(ConfigError, match="cannot read"):
        SampleReader(SampleFile(tmp_path, "ci8"))
