"""`semcom qa`: what it is asked, what it writes, and what a user gets wrong."""

import json
from pathlib import Path

import pytest
from tiny_reader import save_minding_reader
from typer.testing import CliRunner

from semcom_ota.cli import app
from semcom_ota.config import MaskConfig
from semcom_ota.experiments import qa
from semcom_ota.tasks.generator import generate
from semcom_ota.tasks.stories import write_stories


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    return save_minding_reader(tmp_path_factory.mktemp("reader"))


def semcom(*arguments):
    return CliRunner().invoke(app, ["qa", *map(str, arguments)])


def refused(*arguments):
    done = semcom("--task", "1", "--questions", "1", "--codec", "utf8", "--level", "waveform", *arguments)
    assert done.exit_code == 2 and isinstance(done.exception, SystemExit), done.output
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("semcom: ") and not done.stdout.strip()
    return line


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--task", "19"), "no stories can be made for task 19: use 1, 2"),
        (("--memory", "wisdom"), "memory.rule.wisdom"),
        (("--memory", "fifo=much"), "memory.rule.fifo: must be a valid number"),
        (("--memory", "fifo=0"), "one of the weights must be greater than 0"),
        (("--memory", "value=-1"), "memory.rule.value"),
        (("--codec", "morse"), "unknown codec 'morse': use one of"),
        (("--codec", "utf8,huffman"), "unknown codec 'utf8,huffman'"),
        (("--mask", "iron"), "mask.kind: must be 'none', 'fixed'"),
        (("--mask", "fixed", "--mask-share", "1.5"), "mask.share: must be less than or equal to 1"),
        (("--mask", "fixed", "--mask-share", "nan"), "mask.share: "),
        (("--mask", "theory", "--mask-reference", "99"), "mask.reference_snr_db: must be less than or equal to 60"),
        (("--mask", "theory", "--mask-semantic", "-1"), "mask.semantic_snr_db: must be greater than or equal to 0"),
        (("--mask", "theory", "--mask-share", "0.5"), "--mask-share is for --mask fixed, not for --mask theory"),
        (("--decode-with", "4"), "--decode-with: 'utf8' decodes without memory: use --codec with one of lam-prior"),
        (("--mask-reference", "3"), "--mask-reference is for --mask theory, not for --mask none"),
        (("--mask", "theory", "--mask-checkpoint", "x"), "--mask-checkpoint is for --mask learned, not for --mask the"),
        (("--channel", "moon"), "unknown channel 'moon'"),
        (("--snr=abc",), "--snr 'abc' is not a list of numbers: write it as --snr=-3,0,3"),
        (("--snr=3,",), "--snr '3,' is not a list of numbers"),
        (("--snr=900",), "--snr: each must be from -30 to 60 dB, not 900"),
        (("--snr=0,nan",), "--snr: each must be from -30 to 60 dB, not nan"),
        (("--reader", "nowhere"), "nowhere' (No such file or directory): name its folder"),
        (("--data", "nowhere"), "cannot read 'nowhere'"),
        (("--data", "."), "no 'qa1_..._test.txt' (or .txt.gz) in or below '.'"),
    ],
)
def test_what_makes_no_sense_is_one_sentence(arguments, sentence, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert sentence in refused(*arguments)


@pytest.mark.parametrize("arguments", [("--task", "0"), ("--task", "21"), ("--size", "0"), ("--level", "moon"), ()])
def test_what_is_out_of_range_is_refused(arguments):
    done = semcom(*(arguments if "--task" in arguments else ("--task", "1", *arguments) if arguments else ()))
    assert done.exit_code == 2 and (arguments or ("--task",))[0] in done.stderr


def test_a_mask_that_the_codec_knows_nothing_of_is_one_sentence(reader):
    assert "set mask.reference_snr_db" in refused("--mask", "theory", "--reader", reader)


def test_a_mask_that_is_not_there_is_one_sentence(reader):
    line = refused("--mask", "learned", "--mask-checkpoint", "nowhere", "--reader", reader)
    assert f"no learned mask of 'utf8' in '{Path('nowhere').resolve()}'" in line


def test_a_reader_that_is_damaged_is_one_sentence(reader, tmp_path):
    for file in ("reader.json", "model.safetensors"):
        (tmp_path / file).write_bytes(b"\0" * 100)
    assert "is damaged" in refused("--reader", tmp_path)


def test_the_figures_are_written_and_shown(reader, tmp_path):
    file = tmp_path / "new" / "figures.json"
    arguments = ("--task", "1", "--questions", "11", "--snr=20,0", "--codec", "huffman", "--level", "waveform")
    done = semcom(*arguments, "--reader", reader, "--seed", "3", "--memory", "none", "--mask", "fixed", "--json", file)
    assert done.exit_code == 0, done.output
    figures = json.loads(file.read_text())
    assert figures.keys() == {"run", "points"}
    assert figures["run"].items() >= {"level": "waveform", "seed": 3}.items()
    good, bad = figures["points"]
    same = {
        "codec": "huffman", "channel": "awgn", "task": 1, "memory": "none", "size": 0, "mask": "fixed", "messages": 45,
        "questions": 15,
    }  # fmt: skip
    assert good.items() >= ({"snr_db": 20, "delivered": 45, "masked_share": good["masked_share"]} | same).items()
    assert bad.items() >= ({"snr_db": 0, "delivered": 0} | same).items() and good["masked_share"] > 0.4
    shown = " ".join(done.stdout.split())
    for words in (
        "15 questions",
        "huffman",
        "memory none",
        f"understood as sent: {figures['run']['error_free']['value']:.1%}",
    ):
        assert words in shown


@pytest.fixture
def asked(monkeypatch):
    """What the experiment would be asked, and of which link."""
    seen = []

    class Enough(Exception):
        pass

    def run(asked, link, channel, quiet):
        seen.append((asked, link, channel))
        raise Enough

    monkeypatch.setattr(qa, "run", run)

    def ask(*arguments):
        assert isinstance(semcom(*arguments).exception, Enough)
        return seen[-1]

    return ask


def test_what_is_not_said_has_a_default(asked):
    told, link, channel = asked("--task", "2", "--questions", "9")
    assert (told.stories, told.task, told.snr_db) == (generate(2, 2, 0), 2, [0, 6, 12])
    assert (told.level, told.seed, channel) == ("flowgraph", 0, "awgn")
    assert (link.codec.names, link.mask.kind, link.memory.label, link.memory.entries) == (
        ("lam-prior",), "none", "fifo", 128,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("said", "label", "entries"),
    [("value=1,fifo=0.5", "1 value + 0.5 fifo", 9), ("freshness", "freshness", 9), ("none", "none", 0)],
)
def test_the_memory_goes_by_what_is_said(asked, said, label, entries):
    _, link, _ = asked("--task", "1", "--questions", "1", "--memory", said, "--size", "9")
    assert (link.memory.label, link.memory.entries) == (label, entries)


@pytest.mark.parametrize(
    ("said", "known"),
    [
        (("--mask", "fixed", "--mask-share", "0.3"), {"kind": "fixed", "share": 0.3}),
        (
            ("--mask", "theory", "--mask-reference", "3", "--mask-semantic", "12"),
            {"kind": "theory", "reference_snr_db": 3, "semantic_snr_db": 12},
        ),
        (("--mask", "theory", "--mask-reference=-2.5"), {"kind": "theory", "reference_snr_db": -2.5}),
        (("--mask", "learned", "--mask-checkpoint", "here"), {"kind": "learned", "checkpoint": Path("here").resolve()}),
    ],
)
def test_the_mask_goes_by_what_is_said(asked, said, known):
    _, link, _ = asked("--task", "1", "--questions", "1", *said)
    assert link.mask == MaskConfig(**known)


@pytest.mark.parametrize(("split", "first"), [("test", 0), ("valid", 4)])
def test_stories_are_read_from_a_folder(asked, split, first, tmp_path):
    stories = generate(1, 8, 0)
    for name, part in (("test", stories[:4]), ("valid", stories[4:])):
        write_stories(part, tmp_path / f"qa1_single-supporting-fact_{name}.txt.gz")
    told, _, _ = asked("--task", "1", "--data", tmp_path, "--split", split, "--questions", "11")
    assert told.stories == stories[first : first + 3]


def test_stories_that_ask_nothing_are_said(tmp_path):
    (tmp_path / "story.txt").write_text("1 Mary went home.\n")
    done = semcom("--task", "1", "--data", tmp_path / "story.txt", "--codec", "utf8", "--level", "waveform")
    assert done.exit_code == 2 and "there is no question in these stories" in done.stderr


def test_figures_that_could_not_be_written_are_refused_first(tmp_path):
    (tmp_path / "file").write_text("")
    done = semcom("--task", "1", "--codec", "utf8", "--level", "waveform", "--json", tmp_path / "file" / "x.json")
    assert done.exit_code == 2 and "cannot write" in done.stderr
