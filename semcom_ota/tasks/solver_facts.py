"""The part of the solver for facts that do not change: tasks 4, 15 to 18 and 20."""

import re
from collections import Counter

from semcom_ota.tasks.words import BABI, MOTIVES, OPPOSITE, WIDE

_ONE_OF = {many: one for words in (WIDE, BABI) for one, many in words.fierce.items()}
_STEPS = {"to the right of": (1, 0), "to the left of": (-1, 0), "above": (0, 1), "below": (0, -1)}
_WAY = "north|south|east|west"
_POSITION = "|".join(_STEPS)

_BESIDE = re.compile(rf"The (.+) is ({_WAY})(?: of)? the (.+)\.")
_PLACED = re.compile(rf"The (.+) is ({_POSITION}) the (.+)\.")
_LARGER = re.compile(r"The (.+) is bigger than the (.+)\.")
_FITS = re.compile(r"The (.+) fits (?:inside|in) the (.+)\.")
_AFRAID = re.compile(r"(\w+) are afraid of (\w+)\.")
_KIND = re.compile(r"(\w+) is an? (\w+)\.")
_STATE = re.compile(r"(\w+) is (\w+)\.")

_WHAT_BESIDE = re.compile(rf"What is ({_WAY})(?: of)? the (.+)\?")
_BESIDE_WHAT = re.compile(rf"What is the (.+) ({_WAY})(?: of)?\?")
_IS_PLACED = re.compile(rf"Is the (.+) ({_POSITION}) the (.+)\?")
_IS_LARGER = re.compile(r"Is the (.+) bigger than (?:the )?(.+)\?")
_DOES_FIT = re.compile(r"Does the (.+) fit (?:inside|in) the (.+)\?")
_WHAT_AFRAID = re.compile(r"What is (\w+) afraid of\?")
_COLOUR = re.compile(r"What colou?r is (\w+)\?")
_WHERE_WILL = re.compile(r"Where will (\w+) go\?")
_WHY = re.compile(r"Why did (\w+) (?:go to|get) the .+\?")


class Facts:
    """What is so and stays so, as far as it was said. Names are kept in lower case: some questions have them so."""

    def __init__(self) -> None:
        """Nothing was said."""
        self._beside: list[tuple[str, str, str]] = []  # the first is in this direction from the second
        self._placed: list[tuple[str, str, str]] = []
        self._smaller: dict[str, set[str]] = {}  # by thing: what was said to be smaller
        self._fear: dict[str, str] = {}  # by kind: the kind that it is afraid of
        self._kind: dict[str, str] = {}  # by name
        self._state: dict[str, str] = {}  # by name: a colour, or a motive; latest said last

    def hear(self, sentence: str) -> bool:
        """Take a sentence in; whether it was understood."""
        if found := _BESIDE.fullmatch(sentence):
            self._beside += _both_ways(found[1], found[2], found[3])
        elif found := _PLACED.fullmatch(sentence):
            self._placed += _both_ways(found[1], found[2], found[3])
        elif found := _LARGER.fullmatch(sentence):
            self._smaller.setdefault(found[1], set()).add(found[2])
        elif found := _FITS.fullmatch(sentence):
            self._smaller.setdefault(found[2], set()).add(found[1])
        elif found := _AFRAID.fullmatch(sentence):
            self._fear[_one_of(found[1])] = _one_of(found[2])
        elif found := _KIND.fullmatch(sentence):
            self._kind[found[1].lower()] = found[2]
        elif found := _STATE.fullmatch(sentence):
            self._state.pop(found[1].lower(), None)
            self._state[found[1].lower()] = found[2]
        else:
            return False
        return True

    def answer(self, question: str) -> str | None:
        """The answer; None if there is none."""
        if found := _WHAT_BESIDE.fullmatch(question):
            return next((one for one, way, other in self._beside if (way, other) == found.groups()), None)
        if found := _BESIDE_WHAT.fullmatch(question):
            return next((other for one, way, other in self._beside if (one, way) == found.groups()), None)
        if found := _IS_PLACED.fullmatch(question):
            return self._is_placed(found[1], found[2], found[3])
        if found := _IS_LARGER.fullmatch(question):
            return self._is_larger(found[1], found[2])
        if found := _DOES_FIT.fullmatch(question):
            return self._is_larger(found[2], found[1])
        if found := _WHAT_AFRAID.fullmatch(question):
            return self._fear.get(self._kind.get(found[1].lower(), ""))
        if found := _COLOUR.fullmatch(question):
            return self._colour(found[1].lower())
        if found := _WHERE_WILL.fullmatch(question):
            return MOTIVES.get(self._state.get(found[1].lower(), ""), (None,))[0]
        if found := _WHY.fullmatch(question):
            return self._state.get(found[1].lower())
        return None

    def _is_placed(self, one: str, position: str, other: str) -> str | None:
        """By coordinates: each sentence is a step."""
        at, queue = {other: (0, 0)}, [other]
        for place in queue:
            for near, way, far in self._placed:
                if far == place and near not in at:
                    at[near] = at[place][0] + _STEPS[way][0], at[place][1] + _STEPS[way][1]
                    queue.append(near)
        if one not in at:
            return None
        return "yes" if sum(a * b for a, b in zip(at[one], _STEPS[position], strict=True)) > 0 else "no"

    def _is_larger(self, large: str, small: str) -> str | None:
        if small in self._below(large):
            return "yes"
        return "no" if large in self._below(small) else None

    def _below(self, thing: str) -> set[str]:
        """All that is smaller, by any number of sentences."""
        found: set[str] = set()
        queue = [thing]
        for one in queue:
            new = self._smaller.get(one, set()) - found
            found |= new
            queue += sorted(new)
        return found

    def _colour(self, name: str) -> str | None:
        """Its own, else that of most of its kind; of as many, the colour that was said last."""
        if name in self._state:
            return self._state[name]
        kind = self._kind.get(name)
        colours = [colour for other, colour in self._state.items() if self._kind.get(other) == kind]
        return Counter(reversed(colours)).most_common(1)[0][0] if kind and colours else None


def _both_ways(one: str, way: str, other: str) -> list[tuple[str, str, str]]:
    return [(one, way, other), (other, OPPOSITE[way], one)]


def _one_of(many: str) -> str:
    return _ONE_OF.get(many.lower(), many.lower().removesuffix("s"))
