"""Makes stories of people who take, carry, give and drop things: tasks 2, 3, 5, 7 and 8.

What happens is drawn from what is possible, as stories of bAbI-tasks show it: by kinds of action, then evenly among all
actions of the kind.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Literal

from semcom_ota.tasks.draft import Draft, StorySettings, any_other, draw_cast
from semcom_ota.tasks.stories import Story
from semcom_ota.tasks.whereabouts import walk
from semcom_ota.tasks.words import NUMBERS

_GIVE_TRIES = 100  # to find a giver, a receiver and a thing at random; then something else happens


@dataclass(frozen=True, slots=True)
class Action:
    """Something that somebody does."""

    kind: Literal["go", "take", "drop", "give"]
    who: str
    what: str  # the place, or the thing
    other: str = ""  # who gets it


class World:
    """Where people and things are, and who holds what."""

    def __init__(self, rng: Random, settings: StorySettings) -> None:
        """People and things are where they are at first; nobody holds anything."""
        cast = draw_cast(rng, settings)
        self._rng = rng
        self._wording = settings.wording
        self._cast = cast
        self._where = dict(cast.where)  # of people, and of things that nobody holds
        self.holder: dict[str, str] = {}

    def going(self) -> Action:
        """Anybody goes anywhere."""
        who = self._rng.choice(self._cast.people)
        return Action("go", who, any_other(self._rng, self._cast.places, self._where[who]))

    def takings(self) -> list[Action]:
        """Everything that somebody could take."""
        lying = [thing for thing in self._cast.things if thing not in self.holder]
        return [
            Action("take", who, thing)
            for who in self._cast.people
            for thing in lying
            if self._where[who] == self._where[thing]
        ]

    def droppings(self) -> list[Action]:
        """Everything that somebody could drop."""
        return [Action("drop", who, thing) for thing, who in self.holder.items()]

    def givings(self) -> list[Action]:
        """Everything that somebody could give to somebody."""
        return [
            Action("give", who, thing, other)
            for thing, who in self.holder.items()
            for other in self._cast.people
            if other != who and self._where[other] == self._where[who]
        ]

    def finds_giving(self, possible: int) -> bool:
        """Whether a random choice, tried again and again, would meet one of so many that are possible."""
        people = len(self._cast.people)
        chance = possible / (people * (people - 1) * len(self._cast.things))
        return self._rng.random() > (1 - chance) ** _GIVE_TRIES

    def do(self, action: Action) -> None:
        """Change the world."""
        if action.kind == "go":
            self._where[action.who] = action.what
        elif action.kind == "drop":
            self._where[action.what] = self._where[self.holder.pop(action.what)]
        else:
            self.holder[action.what] = action.other or action.who

    def told(self, action: Action) -> str:
        """The sentence for it."""
        rng, wording = self._rng, self._wording
        if action.kind == "go":
            return walk(rng, wording, action.who, action.what)
        if action.kind == "give":
            return rng.choice(wording.gives).format(who=action.who, other=action.other, thing=action.what)
        verb = rng.choice(wording.takes if action.kind == "take" else wording.drops)
        there = " there" if rng.random() < wording.there else ""
        return f"{action.who} {verb} the {action.what}{there}"


def two_facts(rng: Random, settings: StorySettings) -> Story:
    """Task 2: where is a thing that somebody holds?"""
    world, draft = World(rng, settings), Draft()
    came: dict[str, int] = {}  # by person: the sentence that says where it is
    got: dict[str, int] = {}  # by thing: the sentence that says who holds it
    place: dict[str, str] = {}
    for _ in range(settings.questions):
        since = 0
        while True:
            action = _carry(rng, world)
            world.do(action)
            line = draft.say(world.told(action))
            if action.kind == "go":
                came[action.who], place[action.who] = line, action.what
            elif action.kind == "take":
                got[action.what] = line
            since += 1
            known = [thing for thing, who in world.holder.items() if who in came]
            if since >= 3 * settings.stretch and known and rng.random() < 0.5:
                break
        thing = rng.choice(sorted(known))
        who = world.holder[thing]
        draft.ask(f"Where is the {thing}?", place[who], sorted((got[thing], came[who])))
    return draft.story()


def three_facts(rng: Random, settings: StorySettings) -> Story:
    """Task 3: where was a thing before it was in another place, which is where it came last if it came there twice?"""
    world, draft = World(rng, settings), Draft()
    place: dict[str, tuple[str, int]] = {}  # of each person, and the sentence that says so
    trail: dict[str, list[tuple[str, int]]] = {}  # places where a thing was, with those sentences
    got: dict[str, int] = {}
    for _ in range(settings.questions):
        since = 0
        while True:
            action = _carry(rng, world)
            world.do(action)
            line = draft.say(world.told(action))
            if action.kind == "go":
                place[action.who] = action.what, line
            else:
                got[action.what] = line
            for thing, who in world.holder.items():
                past = trail.setdefault(thing, [])
                if who in place and not (past and past[-1][0] == place[who][0]):
                    past.append(place[who])
            since += 1
            known = sorted(thing for thing, past in trail.items() if len(past) > 1)
            if since >= 3 * settings.stretch and known and rng.random() < 0.5:
                break
        thing = rng.choice(known)
        last = {where: i for i, (where, _) in enumerate(trail[thing])}
        i = rng.choice([i for i in last.values() if i])
        (before, line), (then, later) = trail[thing][i - 1 : i + 1]
        draft.ask(f"Where was the {thing} before the {then}?", before, sorted({got[thing], line, later}))
    return draft.story()


def giving(rng: Random, settings: StorySettings) -> Story:
    """Task 5: who gave what to whom?

    What is told after the gift that a question is about, and before that question, could happen but does not: what
    comes after the question goes on from the gift.
    """
    world, draft, wording = World(rng, settings), Draft(), settings.wording
    forms = (wording.what_given, wording.who_given, wording.who_received, *wording.who_gave)
    for _ in range(settings.questions):
        since = 0
        while True:
            action = _any_kind(rng, world)
            world.do(action)
            line = draft.say(world.told(action))
            since += 1
            if since >= 2 and action.kind == "give":
                break
        for _ in range(rng.randint(5 * settings.stretch - 5, 5 * settings.stretch)):
            idle = _any_kind(rng, world)
            while idle.kind == "give" and _confuses(idle, action):
                idle = _any_kind(rng, world)
            draft.say(world.told(idle))
        form = rng.choice(forms)
        text = form.format(who=action.who, other=action.other, thing=action.what)
        asked_for = {
            wording.what_given: action.what,
            wording.who_given: action.other,
            wording.who_received: action.other,
        }
        draft.ask(text, asked_for.get(form, action.who), [line])
    return draft.story()


def counting(rng: Random, settings: StorySettings) -> Story:
    """Task 7: how many things does somebody hold?"""
    numbers = dict(enumerate((settings.wording.none, *NUMBERS[1:])))
    form = f"How many objects is {{who}} {settings.wording.holding}?"
    return _holding(rng, settings, form, lambda held: numbers.get(len(held), str(len(held))))


def lists(rng: Random, settings: StorySettings) -> Story:
    """Task 8: what does somebody hold? The answer is in alphabetical order."""
    form = f"What is {{who}} {settings.wording.holding}?"
    return _holding(rng, settings, form, lambda held: ",".join(sorted(held)) or "nothing")


def _holding(rng: Random, settings: StorySettings, form: str, answer: Callable[[list[str]], str]) -> Story:
    world, draft = World(rng, settings), Draft()
    acted: dict[str, list[int]] = {}  # by person: sentences in which it took, dropped or gave something
    for _ in range(settings.questions):
        since = 0
        while since < 2 * settings.stretch or not acted:
            action = _carry_or_give(rng, world)
            world.do(action)
            line = draft.say(world.told(action))
            if action.kind != "go":
                acted.setdefault(action.who, []).append(line)
            since += 1
        who = rng.choice(list(acted))
        held = [thing for thing, holder in world.holder.items() if holder == who]
        draft.ask(form.format(who=who), answer(held), acted[who])
    return draft.story()


def _carry(rng: Random, world: World) -> Action:
    handled = [*world.takings(), *world.droppings()]
    return rng.choice(handled) if handled and rng.random() < 2 / 3 else world.going()


def _carry_or_give(rng: Random, world: World) -> Action:
    givings = world.givings()
    if givings and rng.random() < 0.5 and world.finds_giving(len(givings)):
        return rng.choice(givings)
    handled = [*world.takings(), *world.droppings()]
    return rng.choice(handled) if handled and rng.random() < 0.5 else world.going()


def _any_kind(rng: Random, world: World) -> Action:
    kinds = [actions for actions in (world.takings(), world.givings()) if actions]
    kind = rng.randrange(len(kinds) + 1)
    return rng.choice(kinds[kind]) if kind < len(kinds) else world.going()


def _confuses(idle: Action, gift: Action) -> bool:
    """Whether another gift would be an answer to a question about this one."""
    return idle.what == gift.what or (idle.who, idle.other) == (gift.who, gift.other)
