"""A text as bits under a language model: its tokens, and the end of it, by the code of `arithmetic_code.py`.

A text of one piece is its tokens and the model's end. A text of several pieces (sentences; parts of what is longer than
the model's context) says behind each what parts it from the next. Every piece starts afresh, since a model of single
sentences is at a loss where one begins behind another. A piece that fills the context needs no end, and has none.

Both ends need the same probabilities, or all that follows the first difference is another text. A token is therefore a
leaf of a binary tree (the bits of its number, the highest first), and the decisions on the way down are coded with
log-odds that are rounded to cells. So a dozen rounded figures a token have to agree, not a whole vocabulary's, and
sums in another order (another processor, other threads, a GPU) change none of them unless it lies at the very edge of a
cell. There are GRIDS of cells to choose from, and the writer takes the one whose edges are the furthest from all the
figures of a text. (Kernels for SSE, AVX2 and AVX-512 disagreed by up to 5e-6 under a GPT-2 of 5 million parameters. All
of 120 captions were read by each as written by another; with the first grid alone, 2 figures of 40 captions changed.)
Run the model in the same way at both ends all the same: float32, one row, one token at a time (`LanguageModel.begin`
and `advance`; never `score`). The reader finds out most of what goes wrong nevertheless: what it has read must be what
a writer makes, its bits, tokens and grid alike.
"""

import math
import re
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from semcom_ota.codecs.arithmetic_code import MAX_TOTAL, Bits, Cumulative, Decoder, Encoder
from semcom_ota.codecs.base import DoesNotFit
from semcom_ota.codecs.language_model import LanguageModel, State
from semcom_ota.config import MAX_TEXT_BYTES

GRIDS = 4
_CELL = 1 / 8  # nats of log-odds
_DEVIATION = 1e-3  # cells: the most by which another machine's figures are taken to differ; measured: 4e-5
_CELLS = 256  # up to 16 nats on either side of even odds
_SEPARATORS = ("", " ", "\n")  # behind a piece, and a stop as the last choice
_STOP = len(_SEPARATORS)
_SEPARATOR_SHARES = (0, 2, 12, 14, 16)
_DOUBT = 64  # what the arithmetic code may save on the model's own account of bits, and more
_BOUNDARY = re.compile(r"(?:(?<=[.!?]) |(?<=\S)\n)(?=\S)")

Decisions = list[tuple[float, int]]
"""Log-odds of a one, and the bit."""


def _table(grid: int, cell: int) -> tuple[int, int, int]:
    """Cumulative frequencies of a zero and a one."""
    log_odds = (cell - _CELLS / 2 + 0.5 - grid / GRIDS) * _CELL
    zeros = round(MAX_TOTAL / (1 + math.exp(log_odds)))
    return 0, min(max(zeros, 1), MAX_TOTAL - 1), MAX_TOTAL


_TABLES = [[_table(grid, cell) for cell in range(_CELLS)] for grid in range(GRIDS)]


@dataclass(frozen=True, slots=True)
class Piece:
    """Part of a text that the model begins afresh with."""

    tokens: list[int]
    ending: int  # what follows it: a place in _SEPARATORS, or _STOP


@dataclass(frozen=True, slots=True)
class Written:
    """A text as bits, and what the reader must be told beside them."""

    bits: Bits  # (n,) uint8, zeros and ones, n >= 1
    grid: int  # 0..GRIDS-1
    single: bool  # one piece


class LanguageModelCode:
    """Texts to bits and back. Same text, same bits, on the same machine; see above for others."""

    def __init__(self, model: LanguageModel):
        """Use this model; the other end needs the same (`LanguageModel.fingerprint`)."""
        self._model = model

    def write(self, text: str, most: int, most_single: int) -> Written | None:
        """The text's bits as one piece or as several, whichever are fewer.

        Args:
            text: any.
            most: do not go on with what takes more bits.
            most_single: nor say of more bits than these that they are a single piece.

        Returns:
            None if they would be more than `most`.

        Raises:
            DoesNotFit: the model's tokenizer cannot spell this text.
        """
        cuts = [self._pieces(text)]
        if len(cuts[0]) > 1 and len(whole := self._model.tokens(text)) <= self._model.max_tokens:
            cuts.append([Piece(whole, _STOP)])
        found: list[Written] = []
        for pieces in cuts:
            decisions = self._decisions(pieces, most)
            if decisions is None:
                continue
            found.append(_written(pieces, decisions, single=False))
            if len(pieces) == 1:
                found.append(_written(pieces, decisions, single=True))
        possible = (it for it in found if it.bits.size <= (most_single if it.single else most))
        return min(possible, key=lambda it: it.bits.size, default=None)

    def read(self, bits: Bits, grid: int, single: bool, *, cut: bool = False) -> tuple[str, bool]:
        """Bits to text.

        Args:
            bits: as written; any others are some text, too, or the beginning of one.
            grid: as written.
            single: as written.
            cut: these are only the first of the bits. What they leave open is left out.

        Returns:
            The text, and whether it is complete and `write` would make the same of it: these very bits, pieces and
            grid.
        """
        decoder, encoder = Decoder(bits, cut=cut), Encoder()
        text, tokens, spent = "", list[int](), 0
        pieces, log_odds = list[Piece](), list[float]()
        while spent <= MAX_TEXT_BYTES:
            piece, ended = self._read_piece(decoder, encoder, grid, log_odds)
            tokens += piece
            spent += 1 + len(piece)
            ending = (_STOP if single else _read(decoder, encoder, _SEPARATOR_SHARES)) if ended else None
            if ending is None:
                break
            pieces.append(Piece(piece, ending))
            if ending == _STOP:
                text += self._model.text(tokens)
                same_bits = not cut and np.array_equal(encoder.finish(), bits)
                margins = _margins(np.array(log_odds))
                same_grid = margins[grid] >= max(margins) - _DEVIATION
                return text, same_bits and same_grid and self._makes(text, pieces)
            if _SEPARATORS[ending]:
                text += self._model.text(tokens) + _SEPARATORS[ending]
                tokens = []
        return text + self._model.text(tokens), False

    def _makes(self, text: str, pieces: list[Piece]) -> bool:
        """Whether a writer may cut this text into these pieces and tokens."""
        try:
            return pieces in (self._pieces(text), [Piece(self._model.tokens(text), _STOP)])
        except DoesNotFit:
            return False

    def _pieces(self, text: str) -> list[Piece]:
        pieces: list[Piece] = []
        start = 0
        for boundary in [*_BOUNDARY.finditer(text), None]:
            tokens = self._model.tokens(text[start : boundary.start() if boundary else len(text)])
            while len(tokens) > self._model.max_tokens:
                pieces.append(Piece(tokens[: self._model.max_tokens], 0))
                tokens = tokens[self._model.max_tokens :]
            pieces.append(Piece(tokens, _SEPARATORS.index(boundary.group()) if boundary else _STOP))
            start = boundary.end() if boundary else start
        return pieces

    def _decisions(self, pieces: list[Piece], most: int) -> list[Decisions] | None:
        """What leads to the tokens of each piece and its end; None if that is more than so many bits."""
        made: list[Decisions] = []
        bits = 0.0
        for piece in pieces:
            made.append([])
            state = self._model.begin()
            ended = piece.tokens if len(piece.tokens) == self._model.max_tokens else [*piece.tokens, self._model.end]
            for place, token in enumerate(ended):
                tree, node = _Tree(state), 0
                for depth in range(tree.depth):
                    decision = token >> (tree.depth - 1 - depth) & 1
                    made[-1].append((tree.log_odds(depth, node), decision))
                    node = 2 * node + decision
                bits -= float(state.log_probabilities[0, token]) / math.log(2)
                if bits > most + _DOUBT:
                    return None
                if place + 1 < len(ended):
                    state = self._advance(state, token)
        return made

    def _read_piece(
        self, decoder: Decoder, encoder: Encoder, grid: int, log_odds: list[float]
    ) -> tuple[list[int], bool]:
        """Tokens up to the end, and whether it was reached; the log-odds on the way are appended."""
        tokens: list[int] = []
        state = self._model.begin()
        while not decoder.exhausted:
            tree, token = _Tree(state), 0
            for depth in range(tree.depth):
                log_odds.append(tree.log_odds(depth, token))
                decision = _read(decoder, encoder, _TABLES[grid][_cell(log_odds[-1], grid)])
                if decision is None:
                    return tokens, False
                token = 2 * token + decision
            if token == self._model.end:
                return tokens, True
            if token >= self._model.vocabulary:  # a leaf that is no token
                break
            tokens.append(token)
            if len(tokens) == self._model.max_tokens:
                return tokens, True
            state = self._advance(state, token)
        return tokens, False

    def _advance(self, state: State, token: int) -> State:
        return self._model.advance(state, None, torch.tensor([token], device=state.log_probabilities.device))


def _read(decoder: Decoder, encoder: Encoder, table: Cumulative) -> int | None:
    """The next choice, written again; None if the bits do not tell."""
    choice = decoder.decode(table)
    if choice is not None:
        encoder.encode(table, choice)
    return choice


def _written(pieces: list[Piece], decisions: list[Decisions], single: bool) -> Written:
    grid = _safest_grid(np.array([log_odds for piece in decisions for log_odds, _ in piece]))
    encoder = Encoder()
    for piece, made in zip(pieces, decisions, strict=True):
        for log_odds, decision in made:
            encoder.encode(_TABLES[grid][_cell(log_odds, grid)], decision)
        if not single:
            encoder.encode(_SEPARATOR_SHARES, piece.ending)
    return Written(encoder.finish(), grid, single)


class _Tree:
    """Probability below each node of the tree over token numbers."""

    def __init__(self, state: State):
        leaves = np.exp(state.log_probabilities[0].double().cpu().numpy())
        self.depth = max(1, (leaves.size - 1).bit_length())
        levels = [np.pad(leaves, (0, 2**self.depth - leaves.size))]
        while levels[-1].size > 2:
            levels.append(levels[-1].reshape(-1, 2).sum(1))
        self._levels: list[NDArray[np.float64]] = levels[::-1]  # those of `depth` decide between 2 * node and the next

    def log_odds(self, depth: int, node: int) -> float:
        """Of a one against a zero, at a node of this depth; infinite where one of them cannot be."""
        zero, one = self._levels[depth][2 * node : 2 * node + 2].tolist()
        if zero == one:
            return 0.0
        return math.log(one / zero) if zero and one else math.copysign(math.inf, one - zero)


def _cell(log_odds: float, grid: int) -> int:
    place = log_odds / _CELL + grid / GRIDS + _CELLS / 2
    return int(min(max(place, 0), _CELLS - 1))


def _safest_grid(log_odds: NDArray[np.float64]) -> int:
    """The grid whose edges are the furthest from all of these."""
    return int(np.argmax(_margins(log_odds)))


def _margins(log_odds: NDArray[np.float64]) -> list[float]:
    """Of each grid: how far its edges are from all of these, in cells."""
    inside = log_odds[np.abs(log_odds) < _CELLS / 2 * _CELL - _CELL]
    return [float(np.abs((inside / _CELL + grid / GRIDS + 0.5) % 1 - 0.5).min(initial=1)) for grid in range(GRIDS)]
