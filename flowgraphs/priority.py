"""A radio's threads go before all others: a model that computes next door must not make them late."""

from gnuradio import gr
from semcom_flowgraphs.radio import Radio


def go_first(radio: Radio) -> None:
    """Give this thread, and those that it starts from now on, real-time priority; before the flowgraph starts.

    Only if the radio does not wait for us, because then nothing is late. Where the system does not allow it all goes on
    as it was: `semcom doctor` says how to allow it. Workers give it back (services/worker.py).
    """
    if not radio.settings.waits:
        gr.enable_realtime_scheduling()
