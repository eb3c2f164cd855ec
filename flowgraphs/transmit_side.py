"""The transmit side of a flowgraph: from texts to bursts on a radio."""

from gnuradio import gr
from semcom_blocks import SemanticEncoder
from semcom_flowgraphs.radio import Radio
from semcom_flowgraphs.transmit_desk import TransmitDesk

from semcom_ota.config import LinkConfig
from semcom_ota.radio.health import Health


class TransmitSide:
    """Draws the transmit blocks into a top block, in front of a radio that transmits.

    What serves it (`serve.py`) needs `desk`, `ready` and `watch`.

    Attributes:
        desk: texts go in, and each leaves with what became of it: submit(), busy, finished().
        semantic_encoder: its port `report` takes link reports of a local receiver.
    """

    desk: TransmitDesk
    semantic_encoder: SemanticEncoder

    def __init__(self, top: gr.top_block, radio: Radio, link: LinkConfig, encoder: str = ""):
        """Draw it.

        Args:
            top: the flowgraph, which starts and stops it.
            radio: opened with `transmit`.
            link: the whole link; `link.radio.bursts` says how frames become bursts.
            encoder: endpoint of the encoder worker; '' lets the block start its own.

        Raises:
            ConfigError: the air interface cannot work.
        """
        raise NotImplementedError

    @property
    def ready(self) -> bool:
        """Whether the encoder worker has ever been heard."""
        raise NotImplementedError

    @property
    def health(self) -> Health:
        """Of the transmitter, so far."""
        raise NotImplementedError

    def watch(self) -> None:
        """Find out which bursts the radio will say nothing more of; to be called again and again.

        Raises:
            ConfigError: the radio is gone.
        """
        raise NotImplementedError
