from pathlib import Path

import numpy as np
import pytest

from semcom_ota.coding.constellation import ORDERS, bits_per_symbol, llrs, modulate

GOLDEN = np.load(Path(__file__).parents[2] / "data" / "coding_golden.npz", allow_pickle=False)


def all_labels(order: int) -> np.ndarray:
    width = bits_per_symbol(order)
    return (np.arange(order)[:, None] >> np.arange(width - 1, -1, -1) & 1).astype(np.uint8)


def standard_point(label: np.ndarray) -> complex:
    """TS 38.211, 5.1.3 to 5.1.6, written out."""
    b = 1 - 2 * label.astype(int)
    match len(label):
        case 2:
            return (b[0] + 1j * b[1]) / np.sqrt(2)
        case 4:
            return (b[0] * (2 - b[2]) + 1j * b[1] * (2 - b[3])) / np.sqrt(10)
        case 6:
            return (b[0] * (4 - b[2] * (2 - b[4])) + 1j * b[1] * (4 - b[3] * (2 - b[5]))) / np.sqrt(42)
        case _:
            i = b[0] * (8 - b[2] * (4 - b[4] * (2 - b[6])))
            return (i + 1j * b[1] * (8 - b[3] * (4 - b[5] * (2 - b[7])))) / np.sqrt(170)


@pytest.mark.parametrize("order", ORDERS)
def test_points_are_those_of_the_standard_and_of_sionna(order: int) -> None:
    points = modulate(all_labels(order).ravel(), order)
    assert points.dtype == np.complex64
    assert np.mean(np.abs(points) ** 2) == pytest.approx(1, abs=1e-6)
    assert np.allclose(points, [standard_point(label) for label in all_labels(order)], atol=1e-6)
    assert np.allclose(points, GOLDEN[f"points_{order}"], atol=1e-6)


@pytest.mark.parametrize("order", ORDERS)
def test_llrs_equal_brute_force_and_sionna(order: int) -> None:
    received, variance = GOLDEN[f"received_{order}"], GOLDEN[f"variance_{order}"]
    labels = all_labels(order)
    metric = -(np.abs(received[:, None] - modulate(labels.ravel(), order)) ** 2) / variance[:, None]
    exact = [
        [
            np.logaddexp.reduce(row[labels[:, bit] == 0]) - np.logaddexp.reduce(row[labels[:, bit] == 1])
            for bit in range(labels.shape[1])
        ]
        for row in metric
    ]
    ours = llrs(received, variance, order)
    assert ours.dtype == np.float32
    assert np.allclose(ours, np.ravel(exact), atol=1e-3)
    assert np.allclose(ours, GOLDEN[f"llrs_{order}"].ravel(), atol=1e-3)


@pytest.mark.parametrize("order", ORDERS)
def test_what_is_not_known_has_no_llr(order: int) -> None:
    symbols = modulate(np.zeros(6 * bits_per_symbol(order), np.uint8), order)
    symbols[1] = np.nan
    symbols[2] = complex(0, np.inf)
    variance = np.array([0, 0.1, 0.1, np.inf, np.nan, 0.1], np.float32)
    soft = llrs(symbols, variance, order).reshape(6, -1)
    assert not soft[1:5].any()
    assert np.isfinite(soft).all()
    assert (soft[[0, 5]] > 0).all()


def test_one_variance_for_all() -> None:
    symbols = GOLDEN["received_16"]
    assert np.array_equal(llrs(symbols, 0.3, 16), llrs(symbols, np.full(len(symbols), 0.3, np.float32), 16))


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match="32 points"):
        modulate(np.zeros(5, np.uint8), 32)
    with pytest.raises(ValueError, match="do not fill"):
        modulate(np.zeros(7, np.uint8), 16)
