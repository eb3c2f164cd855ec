import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from received import received, understood

from semcom_ota.memory.context import ContextWriter, recollect, recollection_of, stacked
from semcom_ota.memory.csi_coding import CSI_FEATURES
from semcom_ota.memory.store import MemoryStore

CPU = torch.device("cpu")
EAST, NORTH = np.array([1, 0], np.float32), np.array([0, 1], np.float32)


def told(messages, user=0, entries=100, store=None):
    """A store of (message, features)."""
    store = store or MemoryStore(entries)
    for message, features in messages:
        store.update(received(user, message), understood(str(message), features))
    return store


def sent(recollection, store, user=0):
    message_of = {entry.number: entry.message for entry in store.stream(user)}
    return [message_of[number] for number in recollection.numbers.tolist()]


def test_a_memory_that_is_no_larger_is_called_to_mind_as_a_whole_in_the_order_of_sending():
    store = told([(1, EAST), (4, NORTH), (2, EAST)])
    found = recollect(store, 0, NORTH, budget=3, now=6)
    assert sent(found, store) == [1, 2, 4] and found.ages.tolist() == [5, 4, 2]
    assert found.features.tolist() == [[1, 0], [1, 0], [0, 1]] and found.csi.shape == (3, CSI_FEATURES)


def test_of_a_larger_one_come_the_newest_and_the_nearest():
    store = told([(message, NORTH if message in (1, 3) else EAST) for message in range(8)])
    assert sent(recollect(store, 0, NORTH, budget=4, now=8), store) == [1, 3, 6, 7]
    assert sent(recollect(store, 0, NORTH, budget=3, now=8), store) == [3, 6, 7]
    assert sent(recollect(store, 0, NORTH, budget=1, now=8), store) == [7]


@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 359)), max_size=20, unique_by=lambda one: one[0]),
    st.integers(1, 20),
)
def test_the_budget_is_used_up_and_never_exceeded(messages, budget):
    messages = sorted(messages, key=lambda one: one != min(messages))  # the first that is heard is the first one sent
    angles = [(message, (np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle)))) for message, angle in messages]
    store = told(angles)
    found = recollect(store, 0, EAST, budget, now=41)
    assert len(found.numbers) == min(budget, len(messages)) == len(set(found.numbers.tolist()))
    assert sent(found, store) == sorted(sent(found, store))
    last = [entry.number for entry in store.newest(0, budget - budget // 2)]
    assert set(last) <= set(found.numbers.tolist())


@pytest.mark.parametrize("budget", [2, 9])
def test_nothing_of_another_user_is_called_to_mind(budget):
    store = told([(message, EAST) for message in range(4)])
    told([(message, NORTH) for message in range(4)], user=1, store=store)
    others = [entry.number for entry in store.stream(0)]
    found = recollect(store, 1, EAST, budget, now=4)
    assert len(found.numbers) == min(budget, 4) and not set(found.numbers.tolist()) & set(others)
    assert len(recollect(store, 2, EAST, budget, now=4).numbers) == 0


def test_entries_that_another_codec_made_are_left_out():
    store = told([(0, ()), (1, EAST), (2, (1, 2, 3)), (3, NORTH)])
    assert sent(recollect(store, 0, EAST, budget=9, now=4), store) == [1, 3]


def test_nothing_remembered_is_an_empty_recollection():
    found = recollect(MemoryStore(4), 0, EAST, budget=3, now=0)
    assert found.numbers.shape == found.ages.shape == (0,)
    assert found.features.shape == (0, 2) and found.csi.shape == (0, CSI_FEATURES)


def test_an_entry_that_overtook_the_question_has_no_negative_age():
    store = told([(1, EAST), (9, EAST)])
    assert recollect(store, 0, EAST, budget=9, now=5).ages.tolist() == [4, 0]


def test_several_vectors_of_an_entry_become_their_mean():
    store = MemoryStore(4)
    said = understood("text", EAST)
    store.update(received(0, 1), type(said)("text", 0.5, True, np.stack([EAST, NORTH])))
    assert recollection_of(store.stream(0), store, 2, now=1).features.tolist() == [[0.5, 0.5]]


def test_a_gap_in_the_stream_makes_what_came_before_stale():
    store = told([(1, EAST)])
    store.update(received(0, 2, lost_samples=10), understood("text", EAST))
    assert recollect(store, 0, EAST, budget=9, now=3).csi[:, -1].tolist() == [1, 0]


def test_what_is_missing_is_padded_in_front():
    store = told([(1, EAST), (2, NORTH)])
    two, none = recollect(store, 0, EAST, 9, now=3), recollect(store, 1, EAST, 9, now=3)
    one = recollect(told([(7, NORTH)]), 0, EAST, 9, now=9)
    features, ages, csi, mask = stacked([two, none, one], 2, CPU)
    assert mask.tolist() == [[True, True], [False, False], [False, True]]
    assert features.tolist() == [[[1, 0], [0, 1]], [[0, 0], [0, 0]], [[0, 0], [0, 1]]]
    assert ages.tolist() == [[2, 1], [0, 0], [0, 2]] and csi.shape == (3, 2, CSI_FEATURES)
    assert not csi[1].any() and np.array_equal(csi[2, 1], one.csi[0]) and not csi[2, 0].any()
    assert [part.shape[:2] for part in stacked([none], 2, CPU)] == [(1, 0)] * 4


def writer():
    torch.manual_seed(0)
    made = ContextWriter(4)
    for part in (made.temporal.age.weight, made.csi.to_vector.weight):
        torch.nn.init.normal_(part, std=0.5)
    return made


@torch.no_grad()
def test_padding_changes_nothing_of_what_is_there():
    torch.manual_seed(1)
    features, ages, csi = torch.randn(1, 3, 4), torch.tensor([[9, 4, 1]]), torch.randn(1, 3, CSI_FEATURES)
    alone = writer()(features, ages, csi, torch.ones(1, 3, dtype=torch.bool))
    front = [torch.nn.functional.pad(part, (0, 0, 2, 0), value=7) for part in (features, csi)]
    padded = writer()(
        front[0],
        torch.nn.functional.pad(ages, (2, 0), value=7),
        front[1],
        torch.tensor([[False, False, True, True, True]]),
    )
    assert torch.allclose(padded.vectors[:, 2:], alone.vectors) and padded.mask.tolist() == [[False] * 2 + [True] * 3]


@torch.no_grad()
@pytest.mark.parametrize("changed", ["features", "age", "csi", "order"])
def test_what_was_said_when_and_through_which_channel_all_come_in(changed):
    told = {"features": torch.zeros(1, 1, 4), "age": torch.tensor([[3]]), "csi": torch.zeros(1, 1, CSI_FEATURES)}
    there = torch.ones(1, 1, dtype=torch.bool)
    before = writer()(*told.values(), there).vectors[0, 0]
    if changed == "order":  # something was sent later
        parts = [part.repeat_interleave(2, 1) for part in told.values()]
        after = writer()(*parts, there.repeat(1, 2)).vectors[0, 0]
    else:
        after = writer()(*(told | {changed: told[changed] + 1}).values(), there).vectors[0, 0]
    assert (before - after).abs().max() > 1e-2


@torch.no_grad()
@pytest.mark.parametrize(("aspect", "changed"), [("time", 1), ("csi", 2)])
def test_what_is_left_out_makes_no_difference(aspect, changed):
    told = [torch.zeros(1, 2, 4), torch.tensor([[3, 1]]), torch.zeros(1, 2, CSI_FEATURES)]
    other = [part + (place == changed) for place, part in enumerate(told)]
    there = torch.ones(1, 2, dtype=torch.bool)
    assert not torch.equal(writer()(*told, there).vectors, writer()(*other, there).vectors)
    assert torch.equal(writer()(*told, there, (aspect,)).vectors, writer()(*other, there, (aspect,)).vectors)


@torch.no_grad()
def test_without_time_entries_that_say_the_same_are_the_same():
    told = [torch.zeros(1, 2, 4), torch.tensor([[3, 1]]), torch.zeros(1, 2, CSI_FEATURES)]
    first, second = writer()(*told, torch.ones(1, 2, dtype=torch.bool), ("time",)).vectors[0]
    assert torch.equal(first, second)
