import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from semcom_ota.memory.index import UserIndex, direction


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 10)), max_size=80))
def test_it_holds_what_was_added_and_not_removed(steps):
    index, kept = UserIndex(), {}
    for number, (adds, which) in enumerate(steps):
        if adds or not kept:
            vector = np.array([[number + 1, -1, which]], np.float32)
            index.add(number, 2 * number, 3 * number, 0.5, vector)
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
        index.add(number, number, number, 0.0, features)
    mean = vectors.mean(axis=1)
    cosine = mean @ query / np.linalg.norm(mean, axis=1) / np.linalg.norm(query)
    found = index.nearest(query, 5)
    assert [number for number, _ in found] == np.argsort(-cosine)[:5].tolist()
    assert np.allclose([value for _, value in found], np.sort(cosine)[::-1][:5], atol=1e-5)
    assert index.nearest(query[:3], 5) == [] and len(index.nearest(query, 99)) == 40


def test_what_has_no_features_has_no_direction():
    index = UserIndex()
    for number, features in enumerate((np.zeros((0, 0)), np.zeros((1, 3)), np.ones((1, 3)), np.ones((1, 4)))):
        index.add(number, 0, 0, 0.0, features.astype(np.float32))
    assert np.linalg.norm(index.held.direction, axis=1).round(5).tolist() == [0, 0, 1, 0]
    assert index.nearest(np.ones(3, np.float32), 1)[0][0] == 2
