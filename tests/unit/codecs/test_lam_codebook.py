import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from semcom_ota.codecs.lam_codebook import Codebook, next_history, relative_energy, share, split

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def codebook():
    return Codebook(50, CPU)


@pytest.mark.parametrize("symbols", [1, 7, 64])
def test_every_direction_has_unit_energy_a_symbol(codebook, symbols):
    for kind in (0, 1):
        energy = codebook.directions(kind, symbols).square().sum((1, 2))
        assert torch.allclose(energy, torch.full((50,), float(symbols)), rtol=1e-4)


AFTER_THREE_TOKENS = 7358988326745294648
PINNED = [  # token, history, symbols, mode; real and imaginary parts of a book of 50 tokens
    (3, 0, 2, 0, [1.035913, 0.917875, 0.065873, -0.282934]),
    (49, 0, 3, 2, [0.4047, 0.967188, -0.639798, -0.701016, -0.697878, -0.716217]),
    (17, AFTER_THREE_TOKENS, 3, 0, [1.535838, -0.532545, 0.238099, -0.537769, 0.107686, -0.010753]),
    (17, AFTER_THREE_TOKENS, 3, 3, [0.944813, -0.32761, 0.368497, 0.746292, 0.796179, 0.820583]),
]


@pytest.mark.parametrize(("token", "history", "symbols", "mode", "parts"), PINNED)
def test_codewords_are_part_of_the_air_format(codebook, token, history, symbols, mode, parts):
    """With other figures, a receiver of an older version hears noise."""
    codeword = codebook.codeword(token, torch.tensor(history), symbols, mode)
    assert codeword.flatten().tolist() == pytest.approx(parts, abs=1e-5)


def test_histories_and_energies_are_part_of_the_air_format():
    history = torch.zeros((), dtype=torch.long)
    for token in (4, 0, 49):
        history = next_history(history, torch.tensor(token))
    assert int(history) == AFTER_THREE_TOKENS
    bits = torch.tensor([0.0, 1.0, 8.0, 24.4, 100.0])
    known = [0.535887, 1.440397, 6.862416, 18.054247, 18.119492]
    assert relative_energy(-math.log(2) * bits).tolist() == pytest.approx(known, rel=1e-5)


def test_codewords_of_different_tokens_are_uncorrelated():
    """As random ones: in 128 real dimensions the correlation of two deviates from zero by 128**-0.5."""
    alone, of_history = (Codebook(400, CPU).directions(kind, 64).flatten(1) for kind in (0, 1))
    different = ~torch.eye(400, dtype=torch.bool)
    for one, other, pairs in ((alone, alone, different), (of_history, of_history, different),
                              (alone, of_history, torch.ones_like(different))):  # fmt: skip
        correlation = (one @ other.T / 64)[pairs]
        assert abs(float(correlation.mean())) < 0.005
        assert float(correlation.square().mean()) ** 0.5 == pytest.approx(128**-0.5, rel=0.02)
        assert float(correlation.abs().max()) < 0.5


def test_symbols_are_as_strong_in_every_place_and_favour_no_phase():
    both = torch.stack([Codebook(4000, CPU).directions(kind, 8) for kind in (0, 1)])
    symbols = torch.view_as_complex(both)
    assert torch.allclose(symbols.abs().square().mean(1), torch.ones(2, 8), atol=0.06)
    assert symbols.mean(1).abs().max() < 0.06 and symbols.square().mean(1).abs().max() < 0.06


@pytest.mark.parametrize(("mode", "in_common"), [(0, 1.0), (1, 0.85), (2, 0.7), (3, 0.4)])
def test_after_different_histories_a_token_keeps_what_its_mode_says(mode, in_common):
    codebook, generator = Codebook(400, CPU), torch.Generator().manual_seed(0)
    histories = torch.randint(-(2**63), 2**63 - 1, (100,), generator=generator)
    codewords = torch.stack([codebook.codeword(7, history, 20, mode) for history in histories]).flatten(1)
    correlation = (codewords @ codewords.T / 20)[~torch.eye(100, dtype=torch.bool)]
    assert float(correlation.mean()) == pytest.approx(in_common, abs=0.01)
    if mode == 0:
        assert (codewords == codewords[0]).all()


def test_sizes_from_the_air_do_not_pile_up():
    codebook = Codebook(50, CPU)
    first = codebook.directions(0, 5).clone()
    for kind in (0, 1):
        for symbols in range(65):
            codebook.directions(kind, symbols)
            assert sum(part.numel() for part in codebook._sliced.values()) <= 4 * codebook._directions[0].numel()
    assert torch.equal(codebook.directions(0, 5), first)


@given(symbols=st.integers(0, 2000), tokens=st.integers(1, 130))
def test_symbols_are_shared_evenly(symbols, tokens):
    parts = share(symbols, tokens)
    assert sum(parts) == symbols and max(parts) - min(parts) <= 1


@pytest.mark.parametrize("mode", range(4))
def test_a_share_of_the_symbols_depends_on_history(codebook, mode):
    alone, mixed = split(10, mode)
    here, there = (codebook.codeword(7, torch.tensor(h), 10, mode) for h in (0, 987654321987))
    assert torch.equal(here[:alone], there[:alone])
    assert mixed == 0 or not torch.allclose(here[alone:], there[alone:])
    assert float(here.square().sum()) == pytest.approx(10, rel=1e-3)


def test_after_one_history_no_two_tokens_are_sent_alike(codebook):
    which = codebook.shifted(torch.tensor([0, -5, 2**60])[:, None], torch.arange(50))
    assert all(len(set(row)) == 50 for row in which.tolist())


def test_history_knows_the_order_and_never_ends():
    def after(tokens):
        history = torch.zeros(1, dtype=torch.long)
        for token in tokens:
            history = next_history(history, torch.tensor([token]))
        return int(history)

    assert len({after(tokens) for tokens in ((), (1,), (1, 2), (2, 1), (0, 1), (0, 0, 1))}) == 6
    assert after(range(500)) != after(range(501))


def test_the_surprising_has_the_energy():
    energy = relative_energy(torch.tensor([0.0, -1.0, -8.0, -torch.inf]))
    assert energy[0] > 0 and energy.diff().gt(0).all() and torch.isfinite(energy).all()
