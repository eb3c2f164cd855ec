"""Runs of `semcom qa` against each other, over the same questions: differences of accuracy, and dB that one needs less.

Questions of one story may be alike in what is known of it, so that stories are drawn, with all of their questions.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semcom_ota.experiments.comparison import Bounded, Sample, crossing, difference, draws, gap
from semcom_ota.experiments.statistics import Estimate, Resampling

Point = Mapping[str, Any]
"""Of `semcom qa --json`: `snr_db`, `right` and more."""


class Answers:
    """What runs on the same stories made of their questions."""

    def __init__(self, questions: Sequence[int], seed: int = 0) -> None:
        """For runs whose stories have so many questions each, at least one in all; `seed` is the bootstrap's.

        Raises:
            ValueError: there is no question.
        """
        self._story = np.repeat(np.arange(len(questions)), questions)
        if not len(self._story):
            raise ValueError("there is no question")
        self._resampling = Resampling(len(questions), seed)

    def difference(self, one: Point, other: Point) -> Estimate:
        """Accuracy at a point less that at another one, with its 95 % interval.

        Raises:
            ValueError: they have other questions.
        """
        found = difference(self._sample(one), self._sample(other), _accuracy, self._resampling)
        assert found is not None  # the same stories
        return found

    def needs_less(self, one: Sequence[Point], other: Sequence[Point], accuracy: float) -> Bounded:
        """dB that a run needs less than another one to come to an accuracy, by linear interpolation between its points.

        Raises:
            ValueError: they have other questions.
        """
        reached = [
            crossing(
                [point["snr_db"] for point in run],
                np.stack([draws(self._sample(point), _accuracy, self._resampling) for point in run], axis=1),
                accuracy,
            )
            for run in (sorted(points, key=lambda point: point["snr_db"]) for points in (one, other))
        ]
        return gap(*reached)

    def _sample(self, point: Point) -> Sample:
        packed = np.frombuffer(bytes.fromhex(point["right"]), np.uint8)
        if len(packed) != -(-len(self._story) // 8) or point["questions"] != len(self._story):
            raise ValueError("runs that are compared have the same questions")
        right = np.unpackbits(packed)[: len(self._story)].astype(float)
        return Sample(self._story, np.column_stack([right, np.ones(len(right))]))


def _accuracy(total: NDArray[np.float64]) -> NDArray[np.float64]:
    return total[..., 0] / total[..., 1]
