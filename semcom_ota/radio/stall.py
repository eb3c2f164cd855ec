"""When samples that came have stopped coming."""


class Stall:
    """Watches a count that should go on, by whoever looks now and then."""

    def __init__(self, patience_s: float):
        """How long it may stand still."""
        self._patience_s = patience_s
        self._count, self._moved_at = -1, 0.0

    def seen(self, count: int, now: float) -> bool:
        """Whether the count has stood still for longer than that. The time runs from the first look.

        Args:
            count: of samples, so far.
            now: monotonic time, in seconds.
        """
        if count != self._count:
            self._count, self._moved_at = count, now
        return now - self._moved_at > self._patience_s
