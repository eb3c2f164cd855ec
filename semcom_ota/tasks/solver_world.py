"""The part of the solver for people, places and things: tasks 1 to 3 and 5 to 14."""

import re
from dataclasses import dataclass, field
from itertools import pairwise

from semcom_ota.tasks.words import NUMBERS, PLAIN, PUBLISHED, TIMES


def _any(*phrases: str) -> str:
    return f"(?:{'|'.join(sorted(map(re.escape, phrases), key=len, reverse=True))})"


_MOVES, _TAKES, _DROPS = (
    _any(*getattr(PLAIN, kind), *getattr(PUBLISHED, kind)) for kind in ("moves", "takes", "drops")
)
_TIME = _any(*TIMES)
_MOVE = re.compile(
    rf"(?:(?P<before>{_TIME}) )?(?:(?:then|after that|following that|afterwards) )?"
    rf"(?P<who>\w+(?: and \w+)*?)(?: then)? {_MOVES} the (?P<place>.+?)(?: (?P<after>{_TIME}))?\.",
    re.IGNORECASE,
)
_IS_IN = re.compile(r"(\w+) is (?:(not|no longer) )?in the (.+)\.")
_EITHER = re.compile(r"(\w+) is either in the (.+?) or (in )?the (.+)\.")
_TAKE = re.compile(rf"(\w+) {_TAKES} the (.+?)(?: there)?\.")
_DROP = re.compile(rf"(\w+) {_DROPS} the (.+?)(?: there)?\.")
_GIVE_TO = re.compile(r"(?P<who>\w+) (?:gave|handed|passed) the (?P<thing>.+) to (?P<other>\w+)\.")
_GIVE = re.compile(r"(?P<who>\w+) (?:gave|handed|passed) (?P<other>\w+) the (?P<thing>.+)\.")

_WHERE = re.compile(r"Where is (the )?(.+)\?")
_WHERE_BEFORE = re.compile(r"Where was (the )?(.+) before the (.+)\?")
_IS_IT_IN = re.compile(r"Is (\w+) in the (.+)\?")
_HOW_MANY = re.compile(r"How many objects is (\w+) (holding|carrying)\?")
_WHAT_HELD = re.compile(r"What is (\w+) (?:holding|carrying)\?")
_GIFTS = {  # what is asked for, and the form of the question
    "thing": re.compile(r"What did (?P<who>\w+) give to (?P<other>\w+?)(?: last)?\?"),
    "other": re.compile(r"Who (?:did (?P<who>\w+) give|received) the (?P<thing>.+?)(?: to)?(?: last)?\?"),
    "who": re.compile(r"Who gave the (?P<thing>.+?)(?: to (?P<other>\w+))?(?: last)?\?"),
}


@dataclass(slots=True)
class _Person:
    """What was said of one."""

    possible: set[str] | None = None  # places where it can be; None: anywhere but in `excluded`
    excluded: set[str] = field(default_factory=set)
    days: dict[int, str] = field(default_factory=dict)  # place by time, of task 14

    @property
    def place(self) -> str | None:
        return next(iter(self.possible)) if self.possible and len(self.possible) == 1 else None

    def may_be_in(self, place: str) -> bool:
        return place not in self.excluded if self.possible is None else place in self.possible


@dataclass(slots=True)
class _Thing:
    """What was said of one."""

    holder: str | None = None
    trail: list[str] = field(default_factory=list)  # places where it was, none twice in a row


class World:
    """Who is where and holds what, as far as it was said."""

    def __init__(self) -> None:
        """Nothing was said."""
        self._people: dict[str, _Person] = {}
        self._things: dict[str, _Thing] = {}
        self._gifts: list[dict[str, str]] = []
        self._last: list[str] = []  # who was spoken of last

    def hear(self, sentence: str) -> bool:
        """Take a sentence in; whether it was understood."""
        if found := _MOVE.fullmatch(sentence):
            self._hear_move(found)
        elif found := _IS_IN.fullmatch(sentence):
            self._hear_place(self._person(found[1]), found[3], absent=found[2] is not None)
        elif found := _EITHER.fullmatch(sentence):
            self._hear_either(self._person(found[1]), found[2], found[4], forgets=not found[3])
        elif found := _TAKE.fullmatch(sentence):
            self._hear_held(found[2], found[1])
        elif found := _DROP.fullmatch(sentence):
            self._hear_held(found[2], found[1])
            self._things[found[2]].holder = None
        elif found := _GIVE_TO.fullmatch(sentence) or _GIVE.fullmatch(sentence):
            self._gifts.append(found.groupdict())
            self._hear_held(found["thing"], found["other"])
        else:
            return False
        return True

    def answer(self, question: str) -> str | None:
        """The answer; None if there is none."""
        if found := _WHERE.fullmatch(question):
            return self._where(found[2], is_thing=found[1] is not None)
        if found := _WHERE_BEFORE.fullmatch(question):
            return self._where_before(found[2], found[3], is_thing=found[1] is not None)
        if found := _IS_IT_IN.fullmatch(question):
            person = self._people.get(found[1], _Person())
            return "no" if not person.may_be_in(found[2]) else "yes" if person.place else "maybe"
        if found := _HOW_MANY.fullmatch(question):
            numbers = dict(enumerate((PLAIN.none if found[2] == PLAIN.holding else PUBLISHED.none, *NUMBERS[1:])))
            held = len(self._held(found[1]))
            return numbers.get(held, str(held))
        if found := _WHAT_HELD.fullmatch(question):
            return ",".join(sorted(self._held(found[1]))) or "nothing"
        for wanted, form in _GIFTS.items():
            if found := form.fullmatch(question):
                said = {role: name for role, name in found.groupdict().items() if name is not None}
                fitting = (gift[wanted] for gift in reversed(self._gifts) if said.items() <= gift.items())
                return next(fitting, None)
        return None

    def _hear_move(self, found: re.Match[str]) -> None:
        who, place = found["who"].split(" and "), found["place"]
        if who[0].lower() not in ("he", "she", "they"):
            self._last = who
        if time := found["before"] or found["after"]:
            for name in self._last:
                self._person(name).days[TIMES.index(time.lower())] = place
            return
        for name in self._last:
            self._hear_place(self._person(name), place, absent=False)
        for name, thing in self._things.items():
            if thing.holder in self._last:
                self._hear_held(name, thing.holder)

    def _hear_place(self, person: _Person, place: str, absent: bool) -> None:
        if not absent:
            person.possible, person.excluded = {place}, set()
        elif person.possible is None or person.possible == {place}:
            person.possible = None
            person.excluded.add(place)
        else:
            person.possible.discard(place)

    def _hear_either(self, person: _Person, place: str, other: str, forgets: bool) -> None:
        """If nothing fits what was known, the second is right: so the answers of task 10 have it."""
        if forgets:
            person.possible = {place, other}
        elif not person.may_be_in(place):
            person.possible = {other}
        else:
            person.possible = {place, other} if person.may_be_in(other) else {place}
        person.excluded = set()

    def _hear_held(self, name: str, who: str) -> None:
        """A thing is with a person, so where that is."""
        thing = self._things.setdefault(name, _Thing())
        thing.holder = who
        place = self._person(who).place
        if place and thing.trail[-1:] != [place]:
            thing.trail.append(place)

    def _person(self, name: str) -> _Person:
        return self._people.setdefault(name, _Person())

    def _held(self, who: str) -> list[str]:
        return [name for name, thing in self._things.items() if thing.holder == who]

    def _where(self, name: str, is_thing: bool) -> str | None:
        if is_thing:
            trail = self._things[name].trail if name in self._things else []
            return trail[-1] if trail else None
        return self._people[name].place if name in self._people else None

    def _where_before(self, name: str, place: str, is_thing: bool) -> str | None:
        if is_thing:
            trail = self._things[name].trail if name in self._things else []
        else:
            days = self._people[name].days if name in self._people else {}
            trail = [days[time] for time in sorted(days)]
        befores = [before for before, then in pairwise(trail) if then == place]
        return befores[-1] if befores else None
