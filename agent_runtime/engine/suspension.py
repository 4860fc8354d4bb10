"""That steps wait for somebody's decision, as it goes from crew to crew."""

from __future__ import annotations

from collections.abc import Mapping

from agent_runtime.results.run_result import Question

__all__ = ("Waiting",)


class Waiting(BaseException):
    """In the place of a failure, inside the engine alone: steps wait, and nothing else can be done.

    No ``Exception``: nothing that a step says of its failures is about this.

    Attributes:
        questions: what is asked, by step.
    """

    def __init__(self, questions: Mapping[str, Question]) -> None:
        super().__init__(questions)
        self.questions = questions
