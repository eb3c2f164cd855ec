"""What moves within a frame, compiled: the phase from row to row, and the drift of the sample clocks.

`a`, `b`, `c`, `u`, `v` (rows,) are the row sums of `channel_kernels.py`, which is compiled with what stands here (see
there): given the response that stands still, u is a row's own complex gain times a, in noise of variance a.
"""

import math

import numba
import numpy as np

LARGEST_ROTATION = 0.5
"""Radians from row to row that the synchronizer may have left: ten standard deviations at -4 dB."""
WANDERS = np.array([0.0, 1e-5, 1e-4, 1e-3, 1e-2])
"""Variances of the phase's random steps from row to row that are tried, radians**2: 2 pi * linewidth * row duration, so
that 1e-3 is a linewidth of 2 Hz at 80 samples a row and 1 MS/s."""
_FIRST_WANDER = 1e-3  # follows anything until the phase is known roughly
_EVIDENCE = 2.0  # nats by which a wander must be likelier than none
_FLAT = 10.0  # radians**2: what is known of the first row's phase


@numba.njit(cache=True)
def coarse_rotation(u):  # type: ignore[no-untyped-def]
    """Radians a row where the periodogram of the rows' gains peaks, in steps of 1/8 of its resolution."""
    step = 2 * math.pi / (8 * u.size)
    best, best_power = 0.0, -1.0
    for k in range(-int(LARGEST_ROTATION / step), int(LARGEST_ROTATION / step) + 1):
        turn = complex(math.cos(k * step), -math.sin(k * step))
        total = 0j
        for value in u[::-1]:  # Horner's rule
            total = total * turn + value
        power = total.real**2 + total.imag**2
        if power > best_power:
            best, best_power = k * step, power
    return best


@numba.njit(cache=True)
def estimate_phase(u, a, phase, rotation, first):  # type: ignore[no-untyped-def]
    """The phase of each row: a line and a random walk about it, by an iterated extended Kalman smoother.

    The variance of the walk's steps is the likeliest of `WANDERS`. The phase is so anchored that its mean, weighted by
    `a`, is 0; that mean belongs to the response that stands still.

    Args:
        u, a: (rows,) row sums.
        phase: (rows,) as it seemed so far.
        rotation: slope of the line, as it seemed so far.
        first: `phase` is no more than that line.

    Returns:
        phase (rows,), variance of its error against the anchor (rows,), the slope, and the variance of its error.
    """
    if first:
        phase, _, rotation, _, _ = _smooth(u, a, phase, rotation, _FIRST_WANDER, True)
    best, best_variance, best_slope, slope_variance, best_evidence = _smooth(u, a, phase, rotation, WANDERS[0], False)
    for wander in WANDERS[1:]:
        walked, variance, slope, own_variance, evidence = _smooth(u, a, phase, rotation, wander, False)
        if evidence > best_evidence + (_EVIDENCE if wander == WANDERS[1] else 0.0):
            best, best_variance, best_evidence = walked, variance, evidence
            best_slope, slope_variance = slope, own_variance
    anchor = np.sum(a * best) / np.sum(a)
    anchor_variance = 1 / (2 * np.sum(a))
    return best - anchor, np.maximum(best_variance - anchor_variance, 0.0), best_slope, slope_variance


@numba.njit(cache=True)
def _smooth(u, a, phase, rotation, wander, extended):  # type: ignore[no-untyped-def]
    """Kalman filter and Rauch-Tung-Striebel smoother for the state (phase, slope).

    A row tells its phase with a variance of 1 / (2 a), linearised about `phase`, or, if `extended`, about what the
    filter predicts. Returns phase, its variance, slope, its variance, and the log-likelihood of the wander.
    """
    rows = u.size
    mean = np.empty((rows, 2))
    covariance = np.empty((rows, 3))  # of the phase, of both, of the slope
    predicted = np.empty((rows, 3))
    x, y = phase[0], rotation
    pxx, pxy, pyy = _FLAT, 0.0, (math.pi / rows) ** 2
    evidence = 0.0
    for row in range(rows):
        if row > 0:
            x += y
            pxx, pxy = pxx + 2 * pxy + pyy + wander, pxy + pyy
        predicted[row, 0], predicted[row, 1], predicted[row, 2] = pxx, pxy, pyy
        about = x if extended else phase[row]
        quadrature = u[row].imag * math.cos(about) - u[row].real * math.sin(about)
        seen = about + quadrature / max(
            a[row], 0.5 * abs(u[row])
        )  # a burst must not turn it by more than any phase can
        surprise = seen - x
        variance = pxx + 1 / (2 * a[row])
        if row > 0:
            evidence -= 0.5 * (math.log(variance) + surprise**2 / variance)
        gain_x, gain_y = pxx / variance, pxy / variance
        x += gain_x * surprise
        y += gain_y * surprise
        pyy -= gain_y * pxy
        pxy -= gain_x * pxy
        pxx -= gain_x * pxx
        mean[row, 0], mean[row, 1] = x, y
        covariance[row, 0], covariance[row, 1], covariance[row, 2] = pxx, pxy, pyy

    smooth = np.empty(rows)
    smooth_variance = np.empty(rows)
    smooth[-1], smooth_variance[-1] = x, pxx
    slope, slope_variance = y, pyy
    for row in range(rows - 2, -1, -1):
        fxx, fxy, fyy = covariance[row]
        qxx, qxy, qyy = predicted[row + 1]
        determinant = qxx * qyy - qxy * qxy
        # gain = filtered covariance * transition^T * (predicted covariance)^-1
        cxx, cxy, cyx, cyy = fxx + fxy, fxy, fxy + fyy, fyy
        gxx, gxy = (cxx * qyy - cxy * qxy) / determinant, (cxy * qxx - cxx * qxy) / determinant
        gyx, gyy = (cyx * qyy - cyy * qxy) / determinant, (cyy * qxx - cyx * qxy) / determinant
        dx, dy = x - mean[row, 0] - mean[row, 1], y - mean[row, 1]
        rxx, rxy, ryy = pxx - qxx, pxy - qxy, pyy - qyy
        x = mean[row, 0] + gxx * dx + gxy * dy
        y = mean[row, 1] + gyx * dx + gyy * dy
        hxx, hxy = gxx * rxx + gxy * rxy, gxx * rxy + gxy * ryy
        hyx, hyy = gyx * rxx + gyy * rxy, gyx * rxy + gyy * ryy
        pxx, pxy, pyy = fxx + hxx * gxx + hxy * gxy, fxy + hxx * gyx + hxy * gyy, fyy + hyx * gyx + hyy * gyy
        smooth[row], smooth_variance[row] = x, pxx
    return smooth, smooth_variance, slope, slope_variance, evidence


@numba.njit(cache=True)
def estimate_drift(u, v, a, b, c, phase, drift, middle, precision):  # type: ignore[no-untyped-def]
    """One Gauss-Newton step for the drift, whatever the phase of each row.

    Args:
        u, v, a, b, c: (rows,) row sums, made with `drift` and `middle`.
        phase: (rows,) of each row.
        drift: as it seemed so far, radians a row and carrier.
        middle: the row in which it turns nothing.
        precision: one over the variance of the drift that is expected.

    Returns:
        The drift, the variance of its error, and the row about which that error and the response are uncorrelated.
    """
    score = -precision * drift
    information = precision
    weights = 0.0
    centre = 0.0
    for row in range(u.size):
        time = row - middle
        cosine, sine = math.cos(phase[row]), math.sin(phase[row])
        seen_u = u[row].imag * cosine - u[row].real * sine
        seen_v = v[row].imag * cosine - v[row].real * sine
        own = 2 * (c[row] - b[row] ** 2 / a[row])
        score += 2 * (seen_v - b[row] / a[row] * seen_u) * time
        information += own * time**2
        weights += own
        centre += own * row
    if weights <= 0:
        return drift, 1 / information, middle
    return drift + score / information, 1 / information, centre / weights
