"""Makes stories of facts that do not change: tasks 4 (directions), 15 to 18 (kinds, positions, sizes) and 20."""

from collections.abc import Sequence
from itertools import combinations
from random import Random
from typing import TypeVar

from semcom_ota.tasks.draft import Draft, StorySettings, any_other
from semcom_ota.tasks.stories import Story
from semcom_ota.tasks.whereabouts import walk
from semcom_ota.tasks.words import MOTIVES, OPPOSITE

_Item = TypeVar("_Item")
_AXES = (("east", "west"), ("north", "south"))
_STEPS = {"to the right of": (1, 0), "to the left of": (-1, 0), "above": (0, 1), "below": (0, -1)}


def directions(rng: Random, settings: StorySettings) -> Story:
    """Task 4: three places in a row from west to east or from north to south. What is beside one of them?"""
    draft, beside = Draft(), settings.wording.beside
    row, axis = rng.sample(settings.words.places, 3), rng.choice(_AXES)
    facts = [(row[0], axis[0], row[1]), (row[1], axis[0], row[2])]
    rng.shuffle(facts)
    for where, direction, other in facts:
        if rng.random() < 0.5:
            where, direction, other = other, OPPOSITE[direction], where
        draft.say(f"the {where} is {direction}{beside} the {other}")
    line = rng.randrange(2)
    where, direction, other = facts[line]
    if rng.random() < 0.5:
        where, direction, other = other, OPPOSITE[direction], where
    if rng.random() < 0.5:
        draft.ask(f"What is {direction}{beside} the {other}?", where, [line])
    else:
        draft.ask(f"What is the {where} {direction}{beside}?", other, [line])
    return draft.story()


def deduction(rng: Random, settings: StorySettings) -> Story:
    """Task 15: who is an animal of a kind is afraid of what the kind is afraid of."""
    draft, words = Draft(), settings.words
    people = rng.sample(words.fearful, min(4 * settings.stretch, len(words.fearful)))
    kinds = rng.sample(list(words.fierce), min(len(people), len(words.fierce)))
    kind_of = dict(zip(people, kinds, strict=False))
    kind_of.update({who: rng.choice(kinds) for who in people[len(kinds) :]})
    fear = {kind: any_other(rng, kinds, kind) for kind in kinds}
    told: dict[str, int] = {}
    for one in _shuffled(rng, [*people, *kinds]):
        many = words.fierce.get(one)
        told[one] = draft.say(
            f"{many} are afraid of {words.fierce[fear[one]]}" if many else f"{one} is a {kind_of[one]}"
        )
    for who in _shuffled(rng, people):
        kind = kind_of[who]
        draft.ask(f"What is {_asked(settings, who)} afraid of?", fear[kind], sorted((told[who], told[kind])))
    return draft.story()


def induction(rng: Random, settings: StorySettings) -> Story:
    """Task 16: animals of a kind have one colour. What colour has the one of which no sentence says it?"""
    draft, words = Draft(), settings.words
    *people, who = rng.sample(words.painted, min(5 * settings.stretch, len(words.painted)))
    kind_of = {other: rng.choice(words.coloured) for other in people}
    kind_of[who] = rng.choice(sorted(set(kind_of.values())))
    colours = rng.sample(words.colours, len(words.colours))
    kinds = sorted(set(kind_of.values()))
    rng.shuffle(kinds)
    colour_of = {kind: colours[i % len(colours)] for i, kind in enumerate(kinds)}
    told: dict[tuple[str, str], int] = {}
    for one, what in _shuffled(rng, [(one, "kind") for one in kind_of] + [(one, "colour") for one in people]):
        kind = kind_of[one]
        told[one, what] = draft.say(f"{one} is a {kind}" if what == "kind" else f"{one} is {colour_of[kind]}")
    alike = {other for other in kind_of if kind_of[other] == kind_of[who]}
    reasons = sorted(line for (other, _), line in told.items() if other in alike)
    draft.ask(f"What color is {who}?", colour_of[kind_of[who]], reasons)
    return draft.story()


def positions(rng: Random, settings: StorySettings) -> Story:
    """Task 17: two shapes beside a third one. How are two of the three to each other?"""
    draft, words = Draft(), settings.words
    shapes: list[str] = []
    while len(shapes) < 3:
        shape, shade = rng.choice(words.shapes), rng.choice(("", *words.shades))
        name = f"{shade} {shape}".strip()
        if name not in shapes and (shade or not any(other.split()[-1] == shape for other in shapes)):
            shapes.append(name)
    middle, *others = rng.sample(shapes, 3)
    at = {middle: (0, 0)}
    for shape, position in zip(others, rng.sample(list(_STEPS), 2), strict=True):
        at[shape] = _STEPS[position]
        first, second = shape, middle
        if rng.random() < 0.5:
            first, position, second = second, OPPOSITE[position], first
        draft.say(f"the {first} is {position} the {second}")
    for _ in range(8):
        first, second = rng.sample(shapes, 2)
        across = tuple(a - b for a, b in zip(at[first], at[second], strict=True))
        right = {name: sum(a * b for a, b in zip(across, step, strict=True)) for name, step in _STEPS.items()}
        yes = rng.random() < 0.5
        position = rng.choice([name for name, product in right.items() if (product > 0 if yes else product < 0)])
        draft.ask(f"Is the {first} {position} the {second}?", "yes" if yes else "no", [0, 1])
    return draft.story()


def sizes(rng: Random, settings: StorySettings) -> Story:
    """Task 18: which is larger, of two things of which two sentences together say it, and no sentence alone?"""
    words, facts = settings.words, rng.randint(4, 9)
    while True:
        order = [*words.small, *rng.sample(words.large, 4)]
        told = rng.sample(list(combinations(order, 2)), facts)  # (smaller, larger)
        chains = {
            (low, high): [
                (told.index((low, one)), told.index((one, high))) for one in order if _both(told, low, one, high)
            ]
            for low, high in combinations(order, 2)
            if (low, high) not in told
        }
        asked = [pair for pair, ways in chains.items() if ways]
        if rng.random() > 0.65 ** len(asked):  # so rare are stories with few questions among those of bAbI-tasks
            break
    draft, wording = Draft(), settings.wording
    for low, high in told:
        draft.say(rng.choice(wording.sizes).format(small=low, large=high))
    for low, high in _shuffled(rng, asked):
        yes, fits = rng.random() < 0.5, rng.random() < 0.5
        first, second = (low, high) if yes == fits else (high, low)
        text = f"Does the {first} fit in the {second}?" if fits else wording.larger.format(first=first, second=second)
        draft.ask(text, "yes" if yes else "no", sorted(rng.choice(chains[low, high])))
    return draft.story()


def motives(rng: Random, settings: StorySettings) -> Story:
    """Task 20: where will somebody go who is hungry, and why did it go there, and get what it got?"""
    draft, words, wording = Draft(), settings.words, settings.wording
    people = rng.sample(words.restless, min(4 * settings.stretch, len(words.restless)))
    states = [state for _ in range(-(-len(people) // len(MOTIVES))) for state in _shuffled(rng, list(MOTIVES))]
    state_of = dict(zip(people, states, strict=False))
    told: dict[str, int] = {}
    done = dict.fromkeys(people, 0)
    while done:
        who = rng.choice(list(done))
        state, name = state_of[who], _asked(settings, who)
        place, thing = MOTIVES[state]
        if done[who] == 0:
            told[who] = draft.say(f"{who} is {state}")
            draft.ask(f"Where will {name} go?", place, [told[who]])
        elif done[who] == 1:
            draft.say(walk(rng, wording, who, place))
            draft.ask(f"Why did {name} go to the {place}?", state, [told[who]])
        else:
            there = " there" if rng.random() < wording.there else ""
            draft.say(f"{who} {rng.choice(wording.takes)} the {thing}{there}")
            draft.ask(f"Why did {name} get the {thing}?", state, [told[who]])
            del done[who]
            continue
        done[who] += 1
    return draft.story()


def _shuffled(rng: Random, items: Sequence[_Item]) -> list[_Item]:
    return rng.sample(items, len(items))


def _asked(settings: StorySettings, who: str) -> str:
    """A name as a question of tasks 15 and 20 writes it."""
    return who.lower() if settings.wording.lowers_names else who


def _both(told: list[tuple[str, str]], low: str, one: str, high: str) -> bool:
    return (low, one) in told and (one, high) in told
