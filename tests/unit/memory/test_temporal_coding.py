import torch

from semcom_ota.memory.temporal_coding import RANKS, TemporalCoding


def coding(width=32) -> TemporalCoding:
    torch.manual_seed(0)
    made = TemporalCoding(width)
    torch.nn.init.eye_(made.age.weight)
    return made


def test_a_lost_message_changes_ages_and_not_the_order():
    made, ranks = coding(), torch.tensor([[0, 1, 2]])
    whole, gap = made(ranks, torch.tensor([[0, 1, 2]])), made(ranks, torch.tensor([[0, 1, 5]]))
    assert torch.equal(whole[0, :2], gap[0, :2]) and not torch.allclose(whole[0, 2], gap[0, 2])
    torch.nn.init.zeros_(made.age.weight)
    assert torch.equal(made(ranks, torch.tensor([[0, 1, 2]])), made(ranks, torch.tensor([[0, 1, 5]])))


def test_ages_never_seen_lie_between_their_neighbours():
    made = coding(64)
    vectors = made(torch.zeros(1, 4, dtype=torch.long), torch.tensor([[1000, 1001, 1100, 3000]]))[0]
    near, far, farther = (float((vectors[0] - vectors[i]).detach().norm()) for i in (1, 2, 3))
    assert 0 < near < far < farther


def test_any_rank_and_age_has_a_vector():
    made = coding()
    ranks = torch.tensor([[0, RANKS - 1, RANKS, 2 * RANKS, 10**6, -3]])
    vectors = made(ranks, ranks.abs())
    assert vectors.shape == (1, 6, 32) and torch.isfinite(vectors).all()
    assert not torch.equal(made.rank.weight[RANKS - 1], made.rank.weight[RANKS])
