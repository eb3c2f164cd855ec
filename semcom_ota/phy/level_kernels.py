"""Steps of the receiver's gain within a frame, and rows that something else has spoilt; compiled.

An automatic gain control scales signal and noise alike. With a level l the cells are l times (response + noise), and
the log-likelihood is -n ln(l**2) - q / l**2 + 2 s / l - a, where s is the part of u in phase: that is how levels are
told from all else that changes the power of a row (a burst, lost samples, a fade). The names are those of
`channel_kernels.py`, which is compiled with what stands here (see there).
"""

import math

import numba
import numpy as np

_STEP_EVIDENCE = 20.0  # nats that a step must bring; noise alone does once in some 10**7 frames
_MAX_STEPS = 8
_LOWEST, _HIGHEST = 0.1, 10.0  # 20 dB to either side
_MISFIT = 12.0  # standard deviations, about, that the noise of a row may be too strong


@numba.njit(cache=True)
def _likeliest_level(n, q, s, a):  # type: ignore[no-untyped-def]
    """The likeliest level of some rows, from sums over them; its log-likelihood, and the noise energy it leaves."""
    if n == 0:
        return 1.0, 0.0, 0.0
    level = (math.sqrt(s**2 + 4 * n * q) - s) / (2 * n)
    level = min(max(level, _LOWEST), _HIGHEST)
    left = q / level**2 - 2 * s / level + a
    return level, -n * math.log(level**2) - left, left


@numba.njit(cache=True)
def _in_phase(u, phase):  # type: ignore[no-untyped-def]
    """(rows,) the part of u in phase with the response, whose own phase is that of all rows together."""
    turned = u * np.exp(-1j * phase)
    total = turned.sum()
    return (turned * (total.conjugate() / max(abs(total), 1e-30))).real


@numba.njit(cache=True)
def _fits(n, energy):  # type: ignore[no-untyped-def]
    """Whether n cells may leave so much energy in units of the noise variance."""
    return energy < 2 * n + _MISFIT * math.sqrt(n)


@numba.njit(cache=True)
def estimate_levels(a, n, q, u, phase, levels):  # type: ignore[no-untyped-def]
    """Find where the gain steps, by binary segmentation: a step must be far likelier than none, and leave but noise.

    Args:
        a, n, q, u: (rows,) row sums.
        phase: (rows,) of each row.
        levels: (rows,) float32, set to each row's gain over that of the first.

    Returns:
        Whether it steps at all.
    """
    rows = u.size
    s = _in_phase(u, phase)
    sums = np.zeros((rows + 1, 4))  # of n, q, s and a before each row
    for row in range(rows):
        sums[row + 1, 0] = sums[row, 0] + n[row]
        sums[row + 1, 1] = sums[row, 1] + q[row]
        sums[row + 1, 2] = sums[row, 2] + s[row]
        sums[row + 1, 3] = sums[row, 3] + a[row]
    starts = np.zeros(_MAX_STEPS + 2, np.int64)
    starts[1] = rows
    pieces, piece = 1, 0
    while piece < pieces:
        first, stop = starts[piece], starts[piece + 1]
        whole = sums[stop] - sums[first]
        _, likelihood, _ = _likeliest_level(whole[0], whole[1], whole[2], whole[3])
        best, where = 0.0, 0
        for row in range(first + 1, stop):
            before, after = sums[row] - sums[first], sums[stop] - sums[row]
            _, likelihood_before, left_before = _likeliest_level(before[0], before[1], before[2], before[3])
            _, likelihood_after, left_after = _likeliest_level(after[0], after[1], after[2], after[3])
            evidence = likelihood_before + likelihood_after - likelihood
            if evidence > best and _fits(before[0], left_before) and _fits(after[0], left_after):
                best, where = evidence, row
        if best > _STEP_EVIDENCE and pieces <= _MAX_STEPS:
            for later in range(pieces, piece, -1):
                starts[later + 1] = starts[later]
            starts[piece + 1] = where
            pieces += 1
        else:
            piece += 1
    if pieces == 1:
        return False
    reference = 1.0
    for piece in range(pieces):
        own = sums[starts[piece + 1]] - sums[starts[piece]]
        level, _, _ = _likeliest_level(own[0], own[1], own[2], own[3])
        if piece == 0:
            reference = level
        levels[starts[piece] : starts[piece + 1]] = level / reference
    return True


@numba.njit(cache=True)
def damaged_rows(a, n, q, u, phase, scale):  # type: ignore[no-untyped-def]
    """(rows,) bool: where the known cells are too far from what the channel made of them for noise alone.

    Args:
        a, n, q, u: (rows,) row sums.
        phase: (rows,) of each row.
        scale: noise variance for which the row sums were made over that which is to be believed.
    """
    s = _in_phase(u, phase)
    damaged = np.zeros(u.size, np.bool_)
    for row in range(u.size):
        damaged[row] = not _fits(n[row], scale * (q[row] - 2 * s[row] + a[row]))
    return damaged
