"""The 24 parameter bits of `lam-prior` in the frame header: what its receiver must know before it can search.

From the top:

| bits, short text | bits, long text | field |
| --- | --- | --- |
| 1 (a 0) | 1 (a 1) | which of the two forms this is: a short text has at most 128 tokens, a long one at most 4,096 |
| 7 | 12 | number of tokens, less one |
| 5 | 5 | scale: by how much the energies (`lam_codebook.relative_energy`) were multiplied, in steps of 0.35 dB |
| 2 | 2 | mode of the codebook (`lam_codebook.HISTORY_SHARES`) |
| 9 | 4 | checksum: the lowest bits of the CRC-32 of the text's bytes |

The scale has two uses. The receiver needs it to know the amplitude of every hypothesis, because a message has unit mean
power whatever its surprisals are. And it tells the message's mean energy before scaling, so about how many bits its
text has under the language model: a few bits of proof beside the checksum's.
"""

import math
import zlib
from dataclasses import dataclass

MOST_TOKENS = 4096
"""Of a text: what 12 bits can say."""
_MOST_OF_SHORT = 128  # tokens; what 7 bits can say
_SHORT_FORM, _LONG_FORM = (7, 9), (12, 4)  # bits for the number of tokens, and for the checksum
_SCALE_FIRST = -3.2  # natural logarithm of the scale at step 0
_SCALE_STEP = 0.08  # of the natural logarithm: 0.35 dB
_LAST_STEP = 31
_STEP_TOLERANCE = 0.02  # of a step: machines that round otherwise may be to either side of an edge


@dataclass(frozen=True, slots=True)
class Parameters:
    """What the header says."""

    tokens: int  # 1..MOST_TOKENS
    scale_step: int  # 0..31
    mode: int  # 0..3, see lam_codebook.HISTORY_SHARES
    checksum: int  # of which `pack` takes the lowest `checksum_bits`

    def pack(self) -> int:
        """As 24 bits."""
        size, width = _SHORT_FORM if self.tokens <= _MOST_OF_SHORT else _LONG_FORM
        top = int(self.tokens > _MOST_OF_SHORT) << size | (self.tokens - 1)
        return ((top << 5 | self.scale_step) << 2 | self.mode) << width | self.checksum & (1 << width) - 1

    @classmethod
    def unpack(cls, bits: int) -> "Parameters":
        """From 24 bits, any."""
        size, width = _SHORT_FORM if not bits >> 23 & 1 else _LONG_FORM
        rest = bits >> width
        return cls((rest >> 7 & (1 << size) - 1) + 1, rest >> 2 & 31, rest & 3, bits & (1 << width) - 1)

    @property
    def checksum_bits(self) -> int:
        """How many bits the checksum has."""
        return (_SHORT_FORM if self.tokens <= _MOST_OF_SHORT else _LONG_FORM)[1]

    @property
    def scale(self) -> float:
        """A symbol's energy over `relative_energy`, as near as the header says it."""
        return math.exp(_SCALE_FIRST + _SCALE_STEP * self.scale_step)

    def holds(self, text: str) -> bool:
        """Whether the checksum is that of `text`."""
        return checksum(text) & (1 << self.checksum_bits) - 1 == self.checksum

    def has_scale(self, scale: float) -> bool:
        """Whether a transmitter that multiplied its energies by `scale` says this `scale_step`."""
        return abs(_step_of(scale) - self.scale_step) <= 0.5 + _STEP_TOLERANCE


def checksum(text: str) -> int:
    """CRC-32 of the text's bytes, of which the header takes the lowest bits."""
    return zlib.crc32(text.encode())


def nearest_step(scale: float) -> int:
    """The `scale_step` that says this scale best: 0..31."""
    return round(_step_of(scale))


def _step_of(scale: float) -> float:
    """Where in the header's steps a scale is, 0..31; not yet a whole number."""
    return min(max((math.log(scale) - _SCALE_FIRST) / _SCALE_STEP, 0), _LAST_STEP)
