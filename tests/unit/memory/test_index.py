import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from received import known

from semcom_ota.memory.index import UserIndex, direction


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 10)), max_size=80))
def test_it_holds_what_was_added_and_not_removed(steps):
    index, kept = UserIndex(), {}
    for number, (adds, which) in enumerate(steps):
        if adds or not kept:
            vector = np.array([[number + 1, -1, which]], np.float32)
            index.add(known(number, 2 * number, 3 * number, 0.5), vector)
            kept[number] = direction(vector)
        else:
            gone = sorted(kept)[which % len(kept)]
            index.remove(gone)
            del kept[gone]
    held = index.held
    assert index.numbers == sorted(kept) and len(index) == len(kept) == len(held.number)
    for row, number in enumerate(held.number.tolist()):
        assert (held.sent[row], held.time[row]) == (2 * number, 3 * number)
        assert np.array_equal(held.direction[row], kept[number])


def test_the_nearest_are_those_of_the_greatest_cosine():
    rng = np.random.default_rng(1)
    vectors, query = rng.standard_normal((40, 2, 6)).astype(np.float32), rng.standard_normal(6).astype(np.float32)
    index = UserIndex()
    for number, features in enumerate(vectors):
        index.add(known(number), features)
    mean = vectors.mean(axis=1)
    cosine = mean @ query / np.linalg.norm(mean, axis=1) / np.linalg.norm(query)
    found = index.nearest(query, 5)
    assert [number for number, _ in found] == np.argsort(-cosine)[:5].tolist()
    assert np.allclose([value for _, value in found], np.sort(cosine)[::-1][:5], atol=1e-5)
    assert index.nearest(query[:3], 5) == [] and len(index.nearest(query, 99)) == 40


def test_what_has_no_features_has_no_direction():
    index = UserIndex()
    for number, features in enumerate((np.zeros((0, 0)), np.zeros((1, 3)), np.ones((1, 3)), np.zeros((0, 0)))):
        index.add(known(number), features.astype(np.float32))
    assert np.linalg.norm(index.held.direction, axis=1).round(5).tolist() == [0, 0, 1, 0]
    assert index.nearest(np.ones(3, np.float32), 1)[0][0] == 2


def test_the_newest_decides_how_wide_a_direction_is():
    index = UserIndex()
    for number, width in enumerate((3, 4, 4)):
        index.add(known(number), np.ones((1, width), np.float32))
        index.ask(np.ones(width, np.float32), 0.5)
    assert np.linalg.norm(index.held.direction, axis=1).round(5).tolist() == [0, 1, 1]
    assert [number for number, _ in index.nearest(np.ones(4, np.float32), 2)] == [2, 1]
    index.add(known(3), np.ones((1, 3), np.float32))
    assert index.held.asked.tolist() == [0, 0, 0]  # what was asked is of the other width


def test_alike_is_what_has_the_same_words_or_nearly_the_same_direction():
    index = UserIndex()
    for number, (text, degrees) in enumerate(((7, 0), (8, 10), (9, 13), (7, 90), (6, -11))):
        angle = np.deg2rad(degrees)
        index.add(known(number, text=text), np.array([[np.cos(angle), np.sin(angle)]], np.float32))
    east = np.array([[1, 0]], np.float32)
    assert index.alike(7, east, 0.98) == [0, 1, 3, 4] and index.alike(99, -east, 0.98) == []
    assert index.alike(8, np.zeros((0, 0), np.float32), 0.98) == [1]


def test_what_was_judged_longest_ago_comes_first():
    index = UserIndex()
    for number in range(5):
        index.add(known(number), np.zeros((0, 0), np.float32))
    for when, number in enumerate((3, 0, 4, 3), 1):
        index.judge(number, number / 10, when)
    assert index.longest_unjudged(9) == [1, 2, 0, 4, 3] and index.longest_unjudged(2) == [1, 2]
    index.remove(1)
    assert index.longest_unjudged(2) == [2, 0] and sorted(index.held.value) == [0, 0, 0.3, 0.4]
