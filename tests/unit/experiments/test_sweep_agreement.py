"""Of two sweeps: what counts as the same measurement."""

import pytest

from semcom_ota.experiments.sweep_agreement import alike_in


def manifest(*codecs, **weights):
    return {"config": {"codecs": list(codecs), "channels": []}, "weights_sha256": weights}


ONE = {"name": "huffman", "label": "huffman", "codec": {"names": ["text-jscc"], "beams": 128}}
OTHER = {"name": "utf8", "label": "utf8", "codec": {"names": ["text-jscc"], "beams": 128}}


def test_a_setting_that_an_older_version_did_not_know_had_its_default():
    assert alike_in(manifest(ONE), manifest(ONE | {"codec": ONE["codec"] | {"order": "consecutive"}})) == {"huffman"}
    assert alike_in(manifest(ONE), manifest(ONE | {"codec": {"beams": 64}})) == set()


def test_codecs_are_alike_where_they_have_the_same_stream():
    own = OTHER | {"codec": {"beams": 64}}  # a link of its own
    assert alike_in(manifest(ONE, OTHER), manifest(ONE)) == {"huffman"}
    assert alike_in(manifest(OTHER, ONE), manifest(ONE)) == set()
    assert alike_in(manifest(own, ONE), manifest(ONE)) == {"huffman"}


@pytest.mark.parametrize(
    "what", [{"phy": {"fft": 64}}, {"channels": [{"name": "awgn", "channel": {"fading": "none"}}]}]
)
def test_what_has_another_air_interface_or_channel_is_not_alike(what):
    one, other = manifest(ONE), manifest(ONE)
    one["config"]["channels"] = [{"name": "awgn", "channel": {"fading": "rayleigh"}}]
    other["config"] |= {"channels": one["config"]["channels"]} | what
    assert alike_in(one, one) == {"huffman"} and alike_in(one, other) == set()


def test_other_weights_are_not_alike():
    assert alike_in(manifest(ONE, file="a"), manifest(ONE, file="b")) == set()
