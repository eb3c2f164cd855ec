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


def test_directions_are_part_of_the_air_format(codebook):
    assert codebook.directions(0, 2)[3].flatten().tolist() == pytest.approx(
        Codebook(50, CPU).directions(0, 2)[3].flatten().tolist()
    )
    assert codebook._directions[0, 0, 0].tolist() == pytest.approx(PINNED, abs=1e-5)


PINNED = [2.013089, -2.206847]


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
    which = codebook.shifted(torch.tensor([0, -5, 2**60]))
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
