import pytest
from fake_sweep import rows
from pydantic import TypeAdapter

from semcom_ota.experiments import sweep_tables
from semcom_ota.experiments.adaptation import adaptations
from semcom_ota.experiments.sweep_data import SweepData
from semcom_ota.experiments.sweep_reading import Row

ROW = TypeAdapter(Row)


def data(lines):
    return SweepData([ROW.validate_python(line) for line in lines])


def test_what_lora_recovers_is_a_share_of_the_gain():
    text = "one two three four five six seven eight nine ten"
    lines = []
    for message in range(40):  # right words of ten: 2, 8 and 10, which is three quarters of the gain
        for codec, right in (("frozen", 2), ("LoRA", 8), ("full", 10)):
            line = rows(messages=1, channels=("awgn",), snrs=(0.0,))[0]
            words = [f"{message}{word}" if place < right else "?" for place, word in enumerate(text.split())]
            sent = " ".join(f"{message}{word}" for word in text.split())
            lines.append(line | {"codec": codec, "sent": sent, "received": " ".join(words), "message": message})
    (found,) = adaptations(data(lines))
    assert found["recovered"] == pytest.approx(0.75) and found["recovered_low"] == pytest.approx(0.75)
    assert "75.0% [75.0%, 75.0%]" in sweep_tables.adaptations([found]).markdown()
    assert (found["frozen"], found["LoRA"], found["full"]) == pytest.approx((0.2, 0.8, 1.0))
    assert adaptations(data([line for line in lines if line["codec"] != "full"])) == []
    same = [line | {"received": line["sent"]} for line in lines]
    (found,) = adaptations(data(same))  # nothing was gained
    assert found["recovered"] is None and "gain not established" in sweep_tables.adaptations([found]).markdown()


def test_the_share_is_paired():
    """Texts differ a lot in how hard they are; what the three make of one goes together."""
    lines = []
    for message in range(60):
        sent = " ".join(f"{message}w{place}" for place in range(20))
        for codec, right in (("frozen", message // 8), ("LoRA", message // 8 + 9), ("full", message // 8 + 10)):
            words = [word if place < right else "?" for place, word in enumerate(sent.split())]
            line = rows(messages=1, channels=("awgn",), snrs=(0.0,))[0]
            lines.append(line | {"codec": codec, "sent": sent, "received": " ".join(words), "message": message})
    (found,) = adaptations(data(lines))
    assert found["recovered"] == pytest.approx(0.9)
    assert 0.89 < found["recovered_low"] <= found["recovered_high"] < 0.91  # unpaired: some 0.7 to 1.1
