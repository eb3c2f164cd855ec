"""What a lab file may say, and the script that it makes."""

import pytest
import yaml

from semcom_ota.config import ConfigError
from semcom_ota.twin.faults import RandomFaults, drawn
from semcom_ota.twin.lab_config import LABS, LabConfig, load_lab

PAIR = {"devices": {"A": {}, "B": {}}}


@pytest.mark.parametrize("name", [file.stem for file in LABS.glob("*.yml")])
def test_what_ships_can_be_loaded(name):
    lab = load_lab(name)
    assert {("A", "B"), ("B", "A"), ("A", "A")} <= {(path.transmitter, path.receiver) for path in lab.paths}
    for device in lab.devices.values():  # what the links that ship look for: +-2.5 ppm
        assert abs(device.oscillator_ppm) + device.drift_ppm <= 2.5


@pytest.mark.parametrize(
    ("lab", "words"),
    [
        ({"device": {}}, "device: there is no such key"),
        ({"devices": {"A": {"product": "B200"}}}, "devices.A.product"),
        ({"devices": {"a/b": {}}}, "devices.a/b"),
        ({"devices": {}}, "devices"),
        ({**PAIR, "paths": [{"from": "A", "to": "C"}]}, "no device 'C'"),
        ({**PAIR, "paths": [{"from": "A", "to": "B"}, {"from": "A", "to": "B"}]}, "one for each pair"),
        ({**PAIR, "faults": [{"kind": "meteor"}]}, "faults.0"),
        ({**PAIR, "faults": [{"kind": "late", "transmitter": "Z", "burst": 1}]}, "no device 'Z'"),
        ({**PAIR, "faults": [{"kind": "fade", "transmitter": "A", "receiver": "B"}]}, "either burst or after_s"),
        ({**PAIR, "random_faults": {"transmitter": "A", "receiver": "B", "bursts": 3, "lates": 4}}, "more faults than"),
        (
            {**PAIR, "random_faults": {"transmitter": "A", "receiver": "B", "samples": 1000, "overflows": 4}},
            "run into each other",
        ),
    ],
)
def test_nonsense_is_refused_in_one_line(tmp_path, lab, words):
    file = tmp_path / "lab.yml"
    file.write_text(yaml.safe_dump(lab))
    with pytest.raises(ConfigError) as error:
        load_lab(str(file))
    assert words in str(error.value)
    assert str(error.value).count("\n") == 0


def test_an_unknown_lab_is_told_what_there_is(tmp_path):
    with pytest.raises(ConfigError, match="use one of faulty, pair"):
        load_lab("nowhere")
    with pytest.raises(ConfigError, match="cannot read"):
        load_lab(str(tmp_path / "nowhere.yml"))


RANDOM = RandomFaults(
    seed=5, transmitter="A", receiver="B", bursts=300, samples=5_000_000,
    overflows=20, underflows=30, lates=40, fades=50, sequence_errors=60, lost_samples=(10, 5000),
)  # fmt: skip


def test_drawn_faults_are_as_many_as_asked_for_and_hit_each_burst_once():
    faults = list(drawn(RANDOM))
    assert faults == list(drawn(RANDOM))
    assert faults != list(drawn(RANDOM.model_copy(update={"seed": 6})))
    counts = {kind: sum(fault.kind == kind for fault in faults) for kind in {fault.kind for fault in faults}}
    assert counts == {"overflow": 20, "underflow": 30, "late": 40, "fade": 50, "sequence_error": 60}
    hit = [fault.burst for fault in faults if fault.kind != "overflow"]
    assert len(set(hit)) == 180
    assert max(hit) < 300
    ends = 0
    for fault in (fault for fault in faults if fault.kind == "overflow"):
        assert fault.at_sample >= ends
        assert 10 <= fault.lost_samples <= 5000
        ends = fault.at_sample + fault.lost_samples
    assert ends <= 5_000_000


def test_the_script_is_what_is_listed_and_what_is_drawn():
    lab = LabConfig.model_validate(
        {**PAIR, "faults": [{"kind": "vanish", "device": "A", "after_s": 1}], "random_faults": RANDOM.model_dump()}
    )
    assert len(lab.script()) == 201
