import pytest
import torch
from readers import PLACES, WIDTH, tiny_reader
from torch import nn

from semcom_ota.codecs.lam_answers import SLOTS, Meaning
from semcom_ota.codecs.lam_model import Context

QUESTIONS = torch.tensor([[7, 8, 9, 10], [11, 12, 13, 14]])
SURE = torch.ones(2, 4)


@pytest.fixture(scope="module")
def answering():
    return tiny_reader().answering


@pytest.fixture(autouse=True)
def no_gradients():
    with torch.no_grad():
        yield


def remembered(count, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return Context(torch.randn(2, count, WIDTH, generator=generator), torch.ones(2, count, dtype=torch.bool))


def meaning(places=PLACES):
    torch.manual_seed(0)
    return Meaning(WIDTH, places)


def test_one_half_of_a_meaning_is_what_is_said_and_the_other_in_which_order():
    made, half = meaning(), WIDTH // 2
    made.norm = nn.Identity()
    words = torch.randn(1, 3, WIDTH)
    there, back = made(words, torch.ones(1, 3)), made(words.flip(1), torch.ones(1, 3))
    assert torch.allclose(there[:, :half], back[:, :half], atol=1e-5)
    assert (there - back)[:, half:].abs().max() > 0.1


def test_the_order_of_words_matters(answering):
    there, back = answering.features(QUESTIONS, SURE), answering.features(QUESTIONS.flip(1), SURE)
    assert (there - back).norm(dim=1).min() > 0.1


def test_how_far_a_text_is_trusted_is_told_by_its_features(answering):
    sure, half = answering.features(QUESTIONS, SURE), answering.features(QUESTIONS, SURE / 2)
    little = answering.features(QUESTIONS, torch.tensor([[0.01, 0.01, 0, 0]] * 2))
    assert torch.allclose(half - sure, 0.5 * answering.meaning.doubt.expand(2, -1), atol=1e-2)
    assert (little - answering.features(QUESTIONS[:, :2], SURE[:, :2])).norm(dim=1).min() > 0.9 * 0.3 * WIDTH**0.5 * 0.5


def test_a_token_that_is_not_trusted_does_not_count(answering):
    trust = torch.tensor([[1.0, 1, 0, 0], [1, 0, 1, 0]])
    other = torch.where(trust > 0, QUESTIONS, 20)
    assert torch.equal(answering.features(QUESTIONS, trust), answering.features(other, trust))
    assert torch.allclose(answering.features(QUESTIONS, trust)[:1], answering.features(QUESTIONS[:1, :2], SURE[:1, :2]))
    assert not torch.allclose(answering.features(QUESTIONS, trust), answering.features(QUESTIONS, SURE), atol=1e-2)


def test_the_less_a_token_is_trusted_the_less_it_counts(answering):
    doubts = [torch.tensor([[1.0, 1, 1, doubted]]) for doubted in (0.0, 0.3, 0.6, 1.0)]
    without, *others = [answering.features(QUESTIONS[:1], trust) for trust in doubts]
    distances = [float((one - without).norm()) for one in others]
    assert distances == sorted(distances) and distances[0] > 0


def test_what_is_behind_the_last_place_does_not_count():
    made, words = meaning(places=3), torch.randn(2, 5, WIDTH)
    assert torch.equal(made(words, torch.ones(2, 5)), made(words[:, :3], torch.ones(2, 3)))


@pytest.mark.parametrize("entries", [0, 1, 5])
def test_every_question_gets_its_words_and_every_entry_its_support(answering, entries):
    made = answering(QUESTIONS, SURE, remembered(entries))
    assert made.words.shape == (2, SLOTS, answering.lam.vocabulary) and made.support.shape == (2, entries)
    assert torch.isfinite(made.words).all() and torch.isfinite(made.support).all()


def test_an_entry_that_is_not_there_changes_nothing(answering):
    memory, other = remembered(5), remembered(5, seed=1)
    memory.mask[:, :2] = False
    changed = Context(torch.cat([other.vectors[:, :2], memory.vectors[:, 2:]], 1), memory.mask)
    shorter = Context(memory.vectors[:, 2:], memory.mask[:, 2:])
    known = answering(QUESTIONS, SURE, memory)
    for same, first in ((changed, 2), (shorter, 0)):
        made = answering(QUESTIONS, SURE, same)
        assert torch.allclose(made.words, known.words, atol=1e-4)
        assert torch.allclose(made.support[:, first:], known.support[:, 2:], atol=1e-4)


def test_a_memory_of_which_nothing_is_there_is_an_empty_one(answering):
    memory = remembered(3)
    hidden = Context(memory.vectors, torch.zeros_like(memory.mask))
    words = answering(QUESTIONS, SURE, remembered(0)).words
    assert torch.allclose(answering(QUESTIONS, SURE, hidden).words, words, atol=1e-4)
    assert not torch.allclose(answering(QUESTIONS, SURE, memory).words, words, atol=1e-2)


def test_answer_and_support_do_not_depend_on_where_an_entry_stands(answering):
    memory, turned = remembered(4), torch.tensor([2, 0, 3, 1])
    known = answering(QUESTIONS, SURE, memory)
    made = answering(QUESTIONS, SURE, Context(memory.vectors[:, turned], memory.mask[:, turned]))
    assert torch.allclose(made.words, known.words, atol=1e-4)
    assert torch.allclose(made.support, known.support[:, turned], atol=1e-4)


def test_a_shorter_question_beside_a_longer_one_is_answered_as_alone(answering):
    trust = torch.tensor([[1.0, 1, 1, 1], [1, 1, 0, 0]])
    memory = remembered(3)
    among = answering(QUESTIONS, trust, memory)
    alone = answering(QUESTIONS[1:, :2], SURE[1:, :2], Context(memory.vectors[1:], memory.mask[1:]))
    assert torch.allclose(among.words[1:], alone.words, atol=1e-4)
    assert torch.allclose(among.support[1:], alone.support, atol=1e-4)


def test_the_question_makes_a_difference(answering):
    memory = remembered(3)
    one, other = (answering(tokens, SURE, memory).words for tokens in (QUESTIONS, QUESTIONS.flip(1)))
    assert not torch.allclose(one, other, atol=1e-2)


@pytest.mark.parametrize("entries", [0, 4])
def test_what_will_be_needed_is_said_of_every_entry_before_anything_is_asked(answering, entries):
    torch.manual_seed(0)
    needed = answering.later(remembered(entries), head := nn.Linear(WIDTH, 1))
    assert needed.shape == (2, entries)
    padded = remembered(entries + 2)
    padded.vectors[:, 2:] = remembered(entries).vectors
    padded.mask[:, :2] = False
    assert torch.allclose(answering.later(padded, head)[:, 2:], needed, atol=1e-4)
    assert entries == 0 or needed.std(dim=1).min() > 1e-3


@torch.enable_grad()
def test_it_learns_to_answer_from_the_memory():
    """What was told is one of ten words, and so is the answer: without the memory it costs ln(10) = 2.3 nats."""
    model = tiny_reader()
    answering = model.answering
    torch.manual_seed(0)
    optimiser = torch.optim.Adam(answering.parameters(), lr=1e-2)
    question, trust = QUESTIONS[:1].repeat(32, 1), SURE[:1].repeat(32, 1)
    losses = []
    for _ in range(60):
        told = torch.randint(20, 30, (32, 1))
        vectors = answering.features(told, torch.ones(32, 1))[:, None]
        made = answering(question, trust, Context(vectors, torch.ones(32, 1, dtype=torch.bool)))
        loss = nn.functional.cross_entropy(made.words[:, 0], told[:, 0])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 1.0
