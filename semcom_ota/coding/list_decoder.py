"""The inner loops of polar decoding, compiled.

Successive-cancellation list decoding (Tal and Vardy, IEEE Transactions on Information Theory 61(5), 2015) on LLRs
(Balatsoukas-Stimming, Bastani Parizi and Burg, IEEE Transactions on Signal Processing 63(19), 2015), with the min-sum
rule, which does not depend on the scale of the LLRs.

Memory: stage s of row p (2**s values) is `[p, 2**s : 2**(s+1)]`. All paths write a stage at the same time, each into
its own row, so nothing that is still needed is overwritten; to copy a path is to copy the row numbers of its stages.
"""

import numba
import numpy as np
from numpy.typing import NDArray

from semcom_ota.coding.crc import BitArray, remainder
from semcom_ota.types import FloatArray

IntArray = NDArray[np.int64]

FROZEN = 0
REPETITION = 1
FREE = 2
PARITY = 3
_KNOWN = np.float32(1e12)  # LLR of a bit known to be zero
_LARGEST = np.float32(1e6)
_CHECKED = 8
"""Of the surviving paths, so many are tried against the checksum, the likeliest first. Each is a chance for a wrong
word to pass (2**-16 with CRC16), and the right one, if it survives at all, is hardly ever further down."""


@numba.njit(cache=True)
def _minus(upper: FloatArray, lower: FloatArray, out: FloatArray) -> None:
    """LLRs of the sum of two bits, min-sum."""
    for i in range(out.size):
        a, b = abs(upper[i]), abs(lower[i])
        smaller = a if a < b else b
        out[i] = smaller if (upper[i] < 0) == (lower[i] < 0) else -smaller


@numba.njit(cache=True)
def _plus(upper: FloatArray, lower: FloatArray, sums: BitArray, out: FloatArray) -> None:
    """LLRs of the lower bit, once the sums are decided."""
    for i in range(out.size):
        out[i] = lower[i] + (np.float32(1) - np.float32(2) * np.float32(sums[i])) * upper[i]


@numba.njit(cache=True)
def _decode_alone(channel: FloatArray, starts: IntArray, stages: IntArray, kinds: IntArray) -> BitArray:
    """Successive cancellation with one path: (length,) uint8, the code word decided for.

    Nodes whose bits are all free, or all but the first, which makes them a parity check, are decided at one go as well
    (G. Sarkis, P. Giard, A. Vardy, C. Thibeault and W. J. Gross, IEEE J. Sel. Areas Commun. 32(5), 2014).
    """
    length = channel.size
    top = 0
    while 1 << top < length:
        top += 1
    llr = np.empty(2 * length, np.float32)
    llr[length:] = channel
    left = np.empty(length, np.uint8)
    word = np.empty(length, np.uint8)
    for node in range(starts.size):
        start, stage = starts[node], stages[node]
        down = top
        if start > 0:
            down = 0
            while start >> down & 1 == 0:
                down += 1
            half = 1 << down
            _plus(llr[2 * half : 3 * half], llr[3 * half : 4 * half], left[half : 2 * half], llr[half : 2 * half])
        while down > stage:
            down -= 1
            half = 1 << down
            _minus(llr[2 * half : 3 * half], llr[3 * half : 4 * half], llr[half : 2 * half])

        size = 1 << stage
        own = llr[size : 2 * size]
        decided = word[start : start + size]
        if kinds[node] == FROZEN:
            decided[:] = 0
        elif kinds[node] == REPETITION:
            decided[:] = own.sum() < 0
        else:
            weakest, parity = 0, False
            for i in range(size):
                decided[i] = own[i] < 0
                parity ^= own[i] < 0
                if abs(own[i]) < abs(own[weakest]):
                    weakest = i
            if kinds[node] == PARITY and parity:
                decided[weakest] ^= 1

        up, first = stage, start
        while start >> up & 1:
            half = 1 << up
            first -= half
            for i in range(half):
                word[first + i] = left[half + i] ^ word[first + half + i]
            up += 1
        if up < top:
            half = 1 << up
            left[half : 2 * half] = word[first : first + half]
    return word


@numba.njit(cache=True)
def _transform(word: BitArray) -> None:
    """Arikan's transform, in place: from the bits of the bit channels to the code word, and back.

    Eight bits, a byte each, at a time: within a machine word (the first of its bytes is the lowest, as on every machine
    that GNU Radio is built for) the first three stages are shifts.
    """
    eights = word.view(np.uint64)
    for i in range(eights.size):
        eight = eights[i]
        eight ^= (eight >> np.uint64(8)) & np.uint64(0x00FF00FF00FF00FF)
        eight ^= (eight >> np.uint64(16)) & np.uint64(0x0000FFFF0000FFFF)
        eight ^= (eight >> np.uint64(32)) & np.uint64(0x00000000FFFFFFFF)
        eights[i] = eight
    half = 1
    while half < eights.size:
        for start in range(0, eights.size, 2 * half):
            for i in range(start, start + half):
                eights[i] ^= eights[i + half]
        half *= 2


@numba.njit(cache=True)
def _choose(costs: NDArray[np.float64], paths: int, list_size: int, keep: NDArray[np.bool_]) -> None:
    """Mark in `keep` (list_size, 2) the list_size cheapest children of the first `paths` paths."""
    threshold = np.sort(costs[:paths].copy().reshape(2 * paths))[min(list_size, 2 * paths) - 1]
    room = list_size
    for p in range(paths):
        for bit in range(2):
            keep[p, bit] = costs[p, bit] < threshold
            room -= keep[p, bit]
    for p in range(paths):
        for bit in range(2):
            if room > 0 and costs[p, bit] == threshold:
                keep[p, bit] = True
                room -= 1


@numba.njit(cache=True)
def _list_decode(
    channel: FloatArray, starts: IntArray, stages: IntArray, kinds: IntArray, free_bits: int, list_size: int
) -> BitArray:
    """All surviving paths: (paths, free_bits) uint8, the likeliest first."""
    length = channel.size
    top = 0
    while 1 << top < length:
        top += 1
    llr = np.empty((list_size, length), np.float32)
    left = np.empty((list_size, length), np.uint8)
    current = np.empty((list_size, length), np.uint8)
    llr_row = np.zeros((list_size, top + 1), np.int64)
    left_row = np.zeros((list_size, top + 1), np.int64)
    bits = np.zeros((list_size, free_bits), np.uint8)
    cost = np.zeros(list_size, np.float64)
    costs = np.empty((list_size, 2), np.float64)
    keep = np.zeros((list_size, 2), np.bool_)
    decided = np.zeros(list_size, np.uint8)
    paths = 1
    done = 0

    for node in range(starts.size):
        start, stage = starts[node], stages[node]
        size = 1 << stage

        # LLRs of this node, from the deepest stage that is still valid
        for p in range(paths):
            down = top
            if start > 0:
                down = 0
                while start >> down & 1 == 0:
                    down += 1
                half = 1 << down
                above = channel if down + 1 == top else llr[llr_row[p, down + 1], 2 * half : 4 * half]
                sums = left[left_row[p, down], half : 2 * half]
                _plus(above[:half], above[half:], sums, llr[p, half : 2 * half])
                llr_row[p, down] = p
            while down > stage:
                down -= 1
                half = 1 << down
                above = channel if down + 1 == top else llr[p, 2 * half : 4 * half]
                _minus(above[:half], above[half:], llr[p, half : 2 * half])
                llr_row[p, down] = p

        # what a zero and a one would cost
        for p in range(paths):
            own = channel if stage == top else llr[p, size : 2 * size]
            negative = np.float64(0)
            positive = np.float64(0)
            for i in range(size):
                negative += max(-own[i], np.float32(0))
                positive += max(own[i], np.float32(0))
            costs[p, 0] = cost[p] + negative
            costs[p, 1] = cost[p] + positive

        if kinds[node] == FROZEN:
            for p in range(paths):
                cost[p] = costs[p, 0]
                decided[p] = 0
        else:
            _choose(costs, paths, list_size, keep)
            before = paths
            vacant = 0
            for p in range(before):
                if keep[p, 0] and keep[p, 1]:
                    # the child with a one moves to the row of a path that dies, or to a new one
                    while vacant < before and (keep[vacant, 0] or keep[vacant, 1]):
                        vacant += 1
                    q = vacant
                    if vacant < before:
                        vacant += 1
                    else:
                        q = paths
                        paths += 1
                    llr_row[q] = llr_row[p]
                    left_row[q] = left_row[p]
                    bits[q, :done] = bits[p, :done]
                    bits[q, done] = decided[q] = 1
                    cost[q] = costs[p, 1]
                if keep[p, 0] or keep[p, 1]:
                    value = 0 if keep[p, 0] else 1
                    bits[p, done] = decided[p] = value
                    cost[p] = costs[p, value]
            done += 1

        # partial sums upwards, as long as a right half is complete
        for p in range(paths):
            current[p, :size] = decided[p]
            up = stage
            while start >> up & 1:
                half = 1 << up
                sums = left[left_row[p, up], half : 2 * half]
                for i in range(half):
                    current[p, half + i] = current[p, i]
                    current[p, i] ^= sums[i]
                up += 1
            if up < top:
                half = 1 << up
                left[p, half : 2 * half] = current[p, :half]
                left_row[p, up] = p

    order = np.argsort(cost[:paths])
    return bits[:paths][order]


@numba.njit(cache=True)
def encode(
    bits: BitArray, positions: IntArray, information_set: IntArray, mother_bits: int, crc: tuple[int, int, int]
) -> BitArray:
    """Bits and what there is room for of their checksum to coded bits. See `PolarCode.encode`."""
    width, polynomial, preset = crc
    checksum = remainder(bits, preset, polynomial, width)
    word = np.zeros(mother_bits, np.uint8)
    for i in range(bits.size):
        word[information_set[i]] = bits[i]
    for i in range(information_set.size - bits.size):
        word[information_set[bits.size + i]] = checksum >> (width - 1 - i) & 1
    _transform(word)
    return word[positions]


@numba.njit(cache=True)
def decode(
    llr: FloatArray,
    positions: IntArray,
    known_zero: IntArray,
    information_set: IntArray,
    alone: tuple[IntArray, IntArray, IntArray],
    listed: tuple[IntArray, IntArray, IntArray],
    mother_bits: int,
    crc: tuple[int, int, int],
    sent: int,
    withheld: int,
    list_size: int,
) -> tuple[BitArray, bool]:
    """Rate recovery and decoding: one path first, the whole list if its checksum fails. See `PolarCode.decode`."""
    channel = np.zeros(mother_bits, np.float32)
    for i in range(llr.size):
        if not np.isnan(llr[i]):
            channel[positions[i]] += min(max(llr[i], -_LARGEST), _LARGEST)
    for i in known_zero:
        channel[i] = _KNOWN
    width, polynomial, preset = crc
    expected = withheld << sent  # in the register behind a right word: its parity bits have pushed theirs out
    free_bits = information_set.size
    word = _decode_alone(channel, alone[0], alone[1], alone[2])
    _transform(word)
    own = word[information_set]
    if list_size == 1 or remainder(own, preset, polynomial, width) == expected:
        return own[: free_bits - sent], remainder(own, preset, polynomial, width) == expected
    survivors = _list_decode(channel, listed[0], listed[1], listed[2], free_bits, list_size)
    for survivor in survivors[:_CHECKED]:
        if remainder(survivor, preset, polynomial, width) == expected:
            return survivor[: free_bits - sent].copy(), True
    return survivors[0, : free_bits - sent].copy(), False
