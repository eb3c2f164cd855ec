"""Level `flowgraph` of `semcom qa`: a group of stories as `semcom loopback` sends messages, processes and sockets."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

from semcom_ota.config import LinkConfig
from semcom_ota.experiments import loopback
from semcom_ota.experiments.qa_plan import MOST_MESSAGES, Line, Outcome
from semcom_ota.services.process import ServiceFailed
from semcom_ota.types import Understanding

LONGEST_PATIENCE_MS = 60_000


class FlowgraphLevel:
    """Three processes for each group: so the memory is a new one."""

    def __init__(self, link: LinkConfig):
        """For a link with one codec."""
        self._link = link

    def run(self, lines: Sequence[Line], snr_db: float, seed: int) -> Iterator[tuple[Line, Outcome]]:
        """Send a group; yields each line with what became of it, as it is known.

        Raises:
            ServiceFailed: a process cannot be started, was given up, or failed at a message.
        """
        radio = self._link.loopback.model_copy(
            update={"snr_db": (snr_db,), "messages_per_snr": MOST_MESSAGES, "seed": seed}
        )
        # Here it is always said when a message is over: patience could only make two runs differ on a busy machine.
        mask = self._link.mask.model_copy(update={"patience_ms": LONGEST_PATIENCE_MS})
        link = self._link.model_copy(update={"radio": radio, "mask": mask})
        (codec,) = link.codec.names
        transmissions = [
            loopback.Transmission(line.message, line.stream, codec, None, snr_db, line.text, task=line.task)
            for line in lines
        ]
        with contextlib.ExitStack() as stack:
            for index, result, _ in loopback.exchange(transmissions, link, None, stack):
                if result["failed"]:
                    raise ServiceFailed(f"'{lines[index].text}': {result['reason'] or 'it failed'}")
                yield lines[index], _outcome(result)


def _outcome(result: dict[str, Any]) -> Outcome:
    return Outcome(
        status=result["status"],
        received=result["received"],
        understanding=Understanding(
            result["intent"], result["answer"], result["answer_confidence"], result["remembered"]
        ),
        payload_symbols=result["payload_symbols"],
        overhead_symbols=result["overhead_symbols"],
        air_samples=result["air_samples"],
        masked_symbols=result["masked_symbols"],
        reason=result["reason"],
    )
