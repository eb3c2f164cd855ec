"""The desk of a process that transmits."""

from gnuradio import gr


class TransmitDesk(gr.basic_block):
    """Hands messages to the flowgraph and finds out what became of the bursts of each (shared parts: desk.py)."""
