"""Links and channels for flowgraphs drawn in GNU Radio Companion, whose parameters are plain strings and numbers.

What is wrong with them ends the process with exit status 2 and a sentence: a drawn flowgraph has nobody to catch it.
"""

from semcom_blocks.failure import ends_process

from semcom_ota.config import ChannelConfig, LinkConfig, load_channel, load_link
from semcom_ota.phy.numerology import Numerology


@ends_process
def read_link(name_or_file: str = "") -> LinkConfig:
    """A link by the name of one that ships (`zmq`, `b210`, ...) or by its YAML file; '' is the default link."""
    link = load_link(name_or_file) if name_or_file else LinkConfig()
    Numerology(link.phy)  # an air interface that cannot work is refused here, with a sentence
    return link


@ends_process
def read_channel(name_or_file: str, max_cfo_subcarriers: float | None = None) -> ChannelConfig:
    """A channel by name or YAML file; with a carrier frequency offset of one's own choice, if one is given."""
    channel = load_channel(name_or_file)
    if max_cfo_subcarriers is None:
        return channel
    return ChannelConfig(**channel.model_dump() | {"max_cfo_subcarriers": max_cfo_subcarriers})
