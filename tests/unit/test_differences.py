from semcom_ota.differences import differences


def test_runs_of_words_are_as_they_were_sent_or_not():
    assert list(differences("a b c d", "a b x d")) == [("a b", True), ("x", False), ("d", True)]
    assert list(differences("a b", "a b")) == [("a b", True)]


def test_a_missing_word_leaves_an_empty_run():
    assert list(differences("a b c", "a c")) == [("a", True), ("", False), ("c", True)]


def test_of_nothing_received_there_are_no_runs():
    assert list(differences("a b", "")) == []
