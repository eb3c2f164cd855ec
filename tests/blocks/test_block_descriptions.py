"""The YAML files that describe our blocks to GNU Radio Companion say what the blocks are."""

from pathlib import Path

import pytest
import semcom_blocks
import yaml
from radio_bench import gr, pmt

from semcom_ota.config import LinkConfig
from semcom_ota.recording.samples import SampleFile, SampleReader

LINK = LinkConfig()
ITSELF = SampleFile(Path(__file__), "ci8")  # any file has samples
BLOCKS = {
    "semcom_frame_rx": lambda: semcom_blocks.FrameRx(LINK.phy),
    "semcom_frame_tx": lambda: semcom_blocks.FrameTx(LINK.phy),
    "semcom_lam_decoder": lambda: semcom_blocks.LamDecoder(LINK.receiver),
    "semcom_loopback_channel": lambda: semcom_blocks.LoopbackChannel(LINK.phy, LINK.loopback.channel),
    "semcom_probe": lambda: semcom_blocks.Probe(1e6),
    "semcom_recording_source": lambda: semcom_blocks.RecordingSource(SampleReader(ITSELF)),
    "semcom_result_sink": lambda: semcom_blocks.ResultSink(1, 1.0, print),
    "semcom_semantic_encoder": lambda: semcom_blocks.SemanticEncoder(LINK.transmitter),
    "semcom_text_source": lambda: semcom_blocks.TextSource(["text"], "utf8"),
}
FILES = sorted((Path(__file__).parents[2] / "grc").glob("*.block.yml"))


def test_every_block_has_a_file_and_every_file_a_block():
    assert [file.name.removesuffix(".block.yml") for file in FILES] == sorted(BLOCKS)
    made_of = {type(make()).__name__ for make in BLOCKS.values()}
    assert made_of == {name for name in semcom_blocks.__all__ if not name.startswith("read_")}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_ports_documentation_and_checks(file: Path):
    described = yaml.safe_load(file.read_text())
    block = BLOCKS[described["id"]]()
    assert described["flags"][0] == "python"
    assert described["file_format"] == 1
    assert len(described["documentation"]) > 50
    assert described["asserts"] or not described["parameters"]
    for direction, ports, signature in (
        ("inputs", block.message_ports_in(), block.in_sig()),
        ("outputs", block.message_ports_out(), block.out_sig()),
    ):
        listed = described.get(direction, [])
        names = {pmt.symbol_to_string(pmt.vector_ref(ports, index)) for index in range(pmt.length(ports))} - {"system"}
        assert {port["id"] for port in listed if port["domain"] == "message"} == names
        assert len([port for port in listed if port["domain"] == "stream"]) == len(list(signature))
    assert isinstance(block, gr.basic_block | gr.sync_block)
