"""Makes stories of people who go from place to place: tasks 1, 6 and 9 to 14."""

from itertools import pairwise
from random import Random

from semcom_ota.tasks.draft import Draft, StorySettings, any_other, draw_cast
from semcom_ota.tasks.stories import Story
from semcom_ota.tasks.words import TIMES, Wording


def single_fact(rng: Random, settings: StorySettings) -> Story:
    """Task 1: where is a person?"""
    return _walks(rng, settings, asks_yes_no=False)


def yes_no(rng: Random, settings: StorySettings) -> Story:
    """Task 6: is a person in a place?"""
    return _walks(rng, settings, asks_yes_no=True)


def negation(rng: Random, settings: StorySettings) -> Story:
    """Task 9: as task 6, and sentences say also where somebody is, or is not (any more).

    What is asked is about the last sentence on a person, so that no answer is `maybe`.
    """
    cast, draft = draw_cast(rng, settings), Draft()
    where = dict(cast.where)
    told: dict[str, tuple[bool, str, int]] = {}  # of each person the last sentence: whether it says where, which place
    for _ in range(settings.questions):
        for _ in range(2 * settings.stretch):
            who, kind = rng.choice(cast.people), rng.random()
            if kind < 0.5:
                where[who] = any_other(rng, cast.places, where[who])
                told[who] = (True, where[who], draft.say(walk(rng, settings.wording, who, where[who])))
            elif kind < 0.75:
                told[who] = (True, where[who], draft.say(f"{who} is in the {where[who]}"))
            else:
                place = any_other(rng, cast.places, where[who])
                told[who] = (False, place, draft.say(f"{who} is {rng.choice(('not', 'no longer'))} in the {place}"))
        who = rng.choice(list(told))
        says_where, place, line = told[who]
        yes = says_where and rng.random() < 0.5
        if says_where and not yes:
            place = any_other(rng, cast.places, place)
        draft.ask(f"Is {who} in the {place}?", "yes" if yes else "no", [line])
    return draft.story()


def indefinite(rng: Random, settings: StorySettings) -> Story:
    """Task 10: as task 6, and sentences say also that somebody is in one of two places, which need not be true."""
    cast, draft = draw_cast(rng, settings), Draft()
    where = dict(cast.where)
    told: dict[str, tuple[set[str], set[str], list[int]]] = {}  # places it can be in, places spoken of last, sentences
    for _ in range(settings.questions):
        for _ in range(2 * settings.stretch):
            who, kind = rng.choice(cast.people), rng.randrange(3)
            if kind == 0:
                where[who] = any_other(rng, cast.places, where[who])
                told[who] = {where[who]}, set(), [draft.say(walk(rng, settings.wording, who, where[who]))]
            elif kind == 1:
                told[who] = {where[who]}, set(), [draft.say(f"{who} is in the {where[who]}")]
            else:
                place, other = rng.sample(cast.places, 2)
                line = draft.say(settings.wording.either.format(who=who, place=place, other=other))
                before = None if settings.wording.either_forgets else told.get(who)
                left = _left(before[0] if before else None, place, other)
                told[who] = left, {place, other}, [*(before[2] if before and len(left) == 1 else ()), line]
        who = rng.choice(list(told))
        place, (possible, named, lines) = rng.choice(cast.places), told[who]
        answer = "no" if place not in possible else "yes" if len(possible) == 1 else "maybe"
        draft.ask(f"Is {who} in the {place}?", answer, lines if answer != "no" or place in named else lines[-1:])
    return draft.story()


def coreference(rng: Random, settings: StorySettings) -> Story:
    """Task 11: every second sentence is on the person of the one before, and says `he` or `she`."""
    cast, draft = draw_cast(rng, settings), Draft()
    where = dict(cast.where)
    for _ in range(settings.questions):
        told: dict[str, tuple[int, int]] = {}
        for _ in range(settings.stretch):
            who = rng.choice(cast.people)
            place = any_other(rng, cast.places, where[who])
            where[who] = any_other(rng, cast.places, place)
            first = draft.say(walk(rng, settings.wording, who, place))
            subject = _subject(rng.choice(settings.wording.one_then), settings.words.people[who])
            told[who] = first, draft.say(walk(rng, settings.wording, subject, where[who]))
        who = rng.choice(list(told))
        draft.ask(f"Where is {who}?", where[who], told[who])
    return draft.story()


def conjunction(rng: Random, settings: StorySettings) -> Story:
    """Task 12: two people at a time go to a place."""
    cast, draft = draw_cast(rng, settings), Draft()
    where: dict[str, tuple[str, int]] = {}  # place of each person, and the sentence that says so
    for _ in range(settings.questions):
        groups, place = [], ""
        for _ in range(2 * settings.stretch):
            groups.append(rng.sample(cast.people, 2))
            place = any_other(rng, cast.places, place)
            line = draft.say(walk(rng, settings.wording, " and ".join(groups[-1]), place))
            where.update(dict.fromkeys(groups[-1], (place, line)))
        who = rng.choice(rng.choice(groups))
        draft.ask(f"Where is {who}?", where[who][0], [where[who][1]])
    return draft.story()


def compound_coreference(rng: Random, settings: StorySettings) -> Story:
    """Task 13: as task 12, and every second sentence says `they`."""
    cast, draft = draw_cast(rng, settings), Draft()
    for _ in range(settings.questions):
        told: dict[str, tuple[str, list[int]]] = {}
        for _ in range(settings.stretch):
            group, (place, then) = rng.sample(cast.people, 2), rng.sample(cast.places, 2)
            first = draft.say(walk(rng, settings.wording, " and ".join(group), place))
            second = draft.say(walk(rng, settings.wording, rng.choice(settings.wording.some_then), then))
            told.update(dict.fromkeys(group, (then, [first, second])))
        who = rng.choice(list(told))
        draft.ask(f"Where is {who}?", *told[who])
    return draft.story()


def time_reasoning(rng: Random, settings: StorySettings) -> Story:
    """Task 14: where was a person before it was in another place? What is told is not in the order of time.

    Nobody is in a place twice. Three of four times are told, first those of one person that a question can be about.
    """
    size = min(settings.people * settings.stretch, len(settings.words.people))
    cast, draft = draw_cast(rng, settings, size), Draft()
    told: dict[str, dict[int, tuple[str, int]]] = {who: {} for who in cast.people}  # by time: place, and sentence

    def draw(who: str | None = None) -> tuple[str, int, str]:
        while True:  # a random choice that is tried again if it cannot be
            one, time, place = who or rng.choice(cast.people), rng.randrange(len(TIMES)), rng.choice(cast.places)
            if time not in told[one] and place not in (before for before, _ in told[one].values()):
                told[one][time] = place, -1
                return one, time, place

    facts = 3 * len(TIMES) * size // 4
    until = [max(2, facts * i // (settings.questions + 1)) for i in range(2, settings.questions + 2)]
    for first, last in pairwise([0, *until]):
        first_of_all = rng.choice(cast.people)
        picked = [draw(first_of_all if not first and i < 2 else None) for i in range(last - first)]
        rng.shuffle(picked)
        for who, time, place in picked:
            said = walk(rng, settings.wording, who, place)
            line = draft.say(f"{TIMES[time]} {said}" if rng.random() < 0.5 else f"{said} {TIMES[time]}")
            told[who][time] = place, line
        who = rng.choice([who for who in cast.people if len(told[who]) > 1])
        days = [told[who][time] for time in sorted(told[who])]
        (before, line), (then, later) = days[i := rng.randrange(len(days) - 1)], days[i + 1]
        draft.ask(f"Where was {who} before the {then}?", before, sorted((line, later)))
    return draft.story()


def walk(rng: Random, wording: Wording, who: str, place: str) -> str:
    """Somebody goes to a place."""
    return f"{who} {rng.choice(wording.moves)} the {place}"


def _walks(rng: Random, settings: StorySettings, asks_yes_no: bool) -> Story:
    cast, draft = draw_cast(rng, settings), Draft()
    where = dict(cast.where)
    told: dict[str, int] = {}
    for _ in range(settings.questions):
        for _ in range(2 * settings.stretch):
            who = rng.choice(cast.people)
            where[who] = any_other(rng, cast.places, where[who])
            told[who] = draft.say(walk(rng, settings.wording, who, where[who]))
        who = rng.choice(list(told))
        if asks_yes_no:
            yes = rng.random() < 0.5
            place = where[who] if yes else any_other(rng, cast.places, where[who])
            draft.ask(f"Is {who} in the {place}?", "yes" if yes else "no", [told[who]])
        else:
            draft.ask(f"Where is {who}?", where[who], [told[who]])
    return draft.story()


def _left(known: set[str] | None, place: str, other: str) -> set[str]:
    """Where somebody can be who is in one of two places; if nothing fits what was known, the second is right."""
    if known is not None and place not in known:
        return {other}
    return {place} if known is not None and other not in known else {place, other}


def _subject(template: str, pronoun: str) -> str:
    return template.format(he=pronoun, He=pronoun.capitalize())
