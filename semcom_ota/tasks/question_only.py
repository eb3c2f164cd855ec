"""What can be answered without a story: the answer that is right most often after a question. No memory, this much."""

import re
from collections import Counter
from collections.abc import Iterable

from semcom_ota.tasks.solver import same_answer
from semcom_ota.tasks.stories import Story

_NAME = re.compile(r"(?<=\s)[A-Z]\w*")  # a capital that does not begin the question


def question_form(question: str) -> str:
    """A question with its names of people blanked: `Is _ in the garden?`."""
    return _NAME.sub("_", question)


class QuestionOnly:
    """The answer to each question that was most frequent in the stories given."""

    def __init__(self, stories: Iterable[Story]) -> None:
        """Count the answers of these stories.

        Raises:
            ValueError: they ask nothing.
        """
        counts: dict[str, Counter[str]] = {}
        for question in (question for story in stories for question in story.questions):
            for form in (question.text, question_form(question.text), ""):
                counts.setdefault(form, Counter())[question.answer] += 1
        if not counts:
            raise ValueError("there is no question in these stories")
        self._best = {form: min(found, key=lambda answer: (-found[answer], answer)) for form, found in counts.items()}

    def answer(self, question: str) -> str:
        """The most frequent answer to this question; to its form if it is new; to all questions if that is new too."""
        for form in (question, question_form(question)):
            if form in self._best:
                return self._best[form]
        return self._best[""]

    def share_right(self, stories: Iterable[Story]) -> float:
        """Share of the questions of these stories that it answers right: 0..1; 0 if there are none.

        Of the stories that it was made from it is the most that anybody can have who does not know the stories.
        """
        right = [
            same_answer(self.answer(question.text), question.answer)
            for story in stories
            for question in story.questions
        ]
        return sum(right) / max(len(right), 1)
