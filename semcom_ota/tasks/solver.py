"""Answers questions of the bAbI tasks by rule, from the sentences before a question alone.

It reads the wordings of stories made with bAbI-tasks and of the original distribution. It finds no paths (task 19).
"""

from collections.abc import Sequence

from semcom_ota.tasks.solver_facts import Facts
from semcom_ota.tasks.solver_world import World
from semcom_ota.tasks.stories import Story


class Solver:
    """Hears sentences one after the other, and answers from what it heard."""

    def __init__(self) -> None:
        """It has heard nothing."""
        self._parts = (World(), Facts())

    def hear(self, sentence: str) -> bool:
        """Take a sentence in; whether it was understood."""
        return any([part.hear(sentence) for part in self._parts])

    def answer(self, question: str) -> str | None:
        """The answer; None if the question is of no known form, or nothing that was heard answers it."""
        answers = (part.answer(question) for part in self._parts)
        return next((answer for answer in answers if answer is not None), None)


def solve(sentences: Sequence[str], question: str) -> str | None:
    """The answer to a question after these sentences; None if there is none."""
    solver = Solver()
    for sentence in sentences:
        solver.hear(sentence)
    return solver.answer(question)


def answers_of(story: Story) -> list[str | None]:
    """What the solver says to each question of a story."""
    solver, answers, heard = Solver(), [], 0
    for question in story.questions:
        for sentence in story.lines[heard : question.place]:
            solver.hear(sentence)
        heard = question.place
        answers.append(solver.answer(question.text))
    return answers


def same_answer(one: str | None, other: str | None) -> bool:
    """Whether two answers say the same: what stands between commas may be in any order, unless it is a path (`n,e`)."""
    if one is None or other is None:
        return False
    parts = [[part.strip().lower() for part in answer.split(",")] for answer in (one, other)]
    is_path = all(set(some) <= set("nsew") for some in parts)
    return parts[0] == parts[1] if is_path else sorted(parts[0]) == sorted(parts[1])
