from semcom_ota.experiments import provenance


def test_weights_that_come_into_it_make_another_digest(tmp_path, monkeypatch):
    monkeypatch.setattr(provenance, "CHECKPOINTS", tmp_path)
    digests = [provenance.shipped_weights("mine")]
    for name, content in (("mine", b"a"), ("mine", b"b"), ("language-model", b"a"), ("mask-mine", b"a")):
        (tmp_path / name).mkdir(exist_ok=True)
        (tmp_path / name / "model.safetensors").write_bytes(content)
        digests.append(provenance.shipped_weights("mine"))
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "model.safetensors").write_bytes(b"c")
    (tmp_path / "mine" / "README.md").write_bytes(b"c")
    assert len(set(digests)) == 5 and provenance.shipped_weights("mine") == digests[-1]


def test_a_digest_is_of_parts_in_order():
    known = {provenance.digest(parts) for parts in ([b"a", b"b"], [b"b", b"a"], [b"ab"], [b"a", b"", b"b"])}
    assert len(known) == 4 and all(len(one) == 16 for one in known)
