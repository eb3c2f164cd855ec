"""A sweep folder of two make-believe codecs: `graceful` spoils words one by one, `cliff` keeps a text or loses it."""

import json
from pathlib import Path

import numpy as np

NOUNS = ["dog", "cat", "man", "girl", "boy", "ball", "tree", "house", "river", "bird"]
SNRS = (-4.0, 0.0, 4.0, 8.0)


def texts(count: int) -> list[str]:
    rng = np.random.default_rng(0)
    return [f"Text {n}: " + " ".join(rng.choice(NOUNS, 4 + n % 9)) + "." for n in range(count)]


def right(snr_db: float, middle_db: float) -> float:
    """Probability that a word, or a whole text, comes through."""
    return float(1 / (1 + np.exp(-(snr_db - middle_db))))


def rows(messages=40, channels=("awgn", "rayleigh"), csi=("estimated",), budgets=(8.0,), snrs=SNRS):
    """Lines of `rows.jsonl`."""
    found = []
    for channel in channels:
        for told in csi:
            for budget in budgets:
                for snr_db in snrs:
                    for message, text in enumerate(texts(messages)):
                        found += _message(channel, told, budget, snr_db, message, text)
    return found


def _message(channel, csi, budget, snr_db, message, text):
    rng = np.random.default_rng([message, int(snr_db) + 100, channel == "awgn"])
    gain_db = 0.0 if channel == "awgn" else 10 * np.log10(rng.exponential())
    there = snr_db + gain_db > -6
    luck = rng.random(len(text.split()))
    whole = rng.random()
    helped = 1.0 if csi == "perfect" else 0.0
    for codec, middle in (("graceful", -2.0), ("cliff", 3.0)):
        share = right(snr_db + gain_db + helped, middle)
        words, symbols = len(text.split()), int(budget * len(text.split()))
        if codec == "graceful":
            received = " ".join(word if one < share else "thing" for word, one in zip(text.split(), luck, strict=True))
            status, confidence = "delivered", share**words
        else:
            status = "delivered" if whole < share else "corrupted"
            received, confidence = (text, 1.0) if status == "delivered" else ("", 0.0)
        if not there:
            status, received, confidence = "lost", "", 0.0
        yield {
            "unit": message // 25, "channel": channel, "csi": csi, "snr_db": snr_db, "budget": budget, "seed": 0,
            "message": message, "codec": codec, "status": status, "does_not_fit": False, "sent": text,
            "received": received, "words": words, "payload_symbols": symbols, "energy": float(symbols),
            "overhead_symbols": 200, "overhead_bits": 24, "air_samples": 4000, "confidence": confidence,
            "intact": status == "delivered", "snr_db_estimated": snr_db + gain_db if there else None,
        }  # fmt: skip


def write(folder: Path, lines: list[dict], timed: bool = True, finished: bool = True) -> Path:
    """A folder as `semcom sweep` leaves it."""
    folder.mkdir(exist_ok=True)
    (folder / "rows.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    if timed:
        stages = {"encode_ms": 2.0, "transmit_ms": 1.0, "receive_ms": 3.0}
        timings = [
            {"unit": line["unit"], "message": line["message"], "codec": line["codec"], **stages}
            | ({} if line["status"] == "lost" else {"decode_ms": 4.0 + line["message"]})
            for line in lines
        ]
        (folder / "timings.jsonl").write_text("".join(json.dumps(line) + "\n" for line in timings))
        manifest = {"name": "make-believe", "level": "waveform", "commit": "abc", "machine": {"cores": 2},
                    "plan": {"rows": len(lines)}, "finished": finished}  # fmt: skip
        (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder
