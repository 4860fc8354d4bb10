"""What goes wrong with a workflow: before a run, in its steps, around it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agent_runtime.errors.base import AgentRuntimeError, printable

__all__ = (
    "LLMClientError",
    "OutputTypeError",
    "Problem",
    "ReferenceValueError",
    "RepeatLimitError",
    "RuntimeClosedError",
    "SecretError",
    "StepError",
    "StepInputError",
    "StepTimeoutError",
    "WorkflowError",
)


@dataclass(frozen=True)
class Problem:
    """One mistake in a workflow or in the inputs given to it.

    Attributes:
        file: the file as it was named by the caller, or ``<workflow text>``, or ``<steps>``.
        line: counted from 1; None when the workflow did not come as YAML.
        column: counted from 1, in characters; None when the workflow did not come as YAML.
        message: what is wrong, in one line.
        hint: what to write instead, or an empty string.
    """

    file: str
    line: int | None
    column: int | None
    message: str
    hint: str = ""

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}:{self.column}"
        text = f"{place}: {self.message}"
        return printable(f"{text}; {self.hint}" if self.hint else text)


class WorkflowError(AgentRuntimeError):
    """The workflow or its inputs are wrong. Holds every mistake that was found; no step has run.

    Attributes:
        problems: the mistakes, in the order in which they stand in the file.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(tuple(problems))
        self.problems = tuple(problems)

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


class StepError(AgentRuntimeError):
    """A step failed for a reason that the runtime itself found.

    What a step's own code raises is not one of these: that exception comes out as it is.

    Attributes:
        step: id of the step, or None where the workflow's ``outputs`` were being made.
    """

    step: str | None


class ReferenceValueError(StepError, LookupError):
    """A ``${...}`` found nothing at its path, or a value that it cannot work with.

    Attributes:
        step: id of the step, or None in the workflow's ``outputs``.
        reference: the text between the braces.
        reason: what was found, and what could have been written.
        file: the workflow's file as it was named by the caller.
        line: where the reference stands, counted from 1; None when unknown.
        column: where the reference stands, counted from 1; None when unknown.
    """

    def __init__(
        self,
        step: str | None,
        reference: str,
        reason: str,
        file: str = "",
        line: int | None = None,
        column: int | None = None,
    ) -> None:
        super().__init__(step, reference, reason, file, line, column)
        self.step = step
        self.reference = reference
        self.reason = reason
        self.file = file
        self.line = line
        self.column = column

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}: " if self.line is not None else ""
        owner = "the workflow's outputs" if self.step is None else f"step '{self.step}'"
        return printable(f"{place}${{{self.reference}}} in {owner} cannot be resolved: {self.reason}")


class StepTimeoutError(StepError, TimeoutError):
    """One attempt of a step took longer than the step's ``timeout`` and was cancelled.

    Attributes:
        step: id of the step.
        seconds: the limit that was passed.
    """

    def __init__(self, step: str, seconds: float) -> None:
        BaseException.__init__(self, step, seconds)  # OSError would take two arguments for errno and text
        self.step = step
        self.seconds = seconds

    def __str__(self) -> str:
        return f"step '{self.step}' took longer than its timeout of {self.seconds:g} s and was cancelled"


class OutputTypeError(StepError, ValueError):
    """What a workflow has to give is not what it says under ``output_types``.

    Attributes:
        step: always None: all steps have succeeded.
        problems: every mistake; each names the output.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(tuple(problems))
        self.step = None
        self.problems = tuple(problems)

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


class RepeatLimitError(StepError):
    """A step was repeated as often as it may be, and should be once more.

    Attributes:
        step: id of the step.
        times: how often it was done.
        condition: ``until`` or ``while``: what has not ended it.
    """

    def __init__(self, step: str, times: int, condition: str) -> None:
        super().__init__(step, times, condition)
        self.step = step
        self.times = times
        self.condition = condition

    def __str__(self) -> str:
        return (
            f"step '{self.step}' was done {self.times} times, which is its 'max', and its '{self.condition}'"
            " has not ended it; raise 'max', or write 'at_max: end' to take the last output"
        )


class StepInputError(StepError, ValueError):
    """What a step gives to another workflow, or to a prompt, is not what that takes.

    Attributes:
        step: id of the step.
        problems: every mistake; each names the input, and the file of the other workflow or the prompt.
    """

    def __init__(self, step: str, problems: Sequence[Problem]) -> None:
        super().__init__(step, tuple(problems))
        self.step = step
        self.problems = tuple(problems)

    def __str__(self) -> str:
        listed = "\n".join(str(problem) for problem in self.problems)
        return f"step '{self.step}' gives wrong inputs:\n{listed}"


class LLMClientError(AgentRuntimeError, TypeError):
    """What was given as ``llm=`` is not an LLM client, or what it returned is not a mapping.

    Attributes:
        problem: what was found instead.
    """

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem

    def __str__(self) -> str:
        return (
            f"{self.problem}; an LLM client has one method, call_llm(messages, config, task_id,"
            " workflow_name, prompt_template, template_version, metadata), and it returns a mapping"
            " with 'content'; it may have a second one, stream_llm(), which yields text"
        )


class RuntimeClosedError(AgentRuntimeError):
    """A closed runtime was asked to run, or it was closed while a run was in progress.

    In the second case the ``__cause__`` is the ``CancelledError`` of the first step that was cut off.

    Attributes:
        workflow: name of the runtime's workflow.
        run_id: the run that was cancelled, or None if there is none.
    """

    def __init__(self, workflow: str, run_id: str | None = None) -> None:
        super().__init__(workflow, run_id)
        self.workflow = workflow
        self.run_id = run_id

    def __str__(self) -> str:
        name = self.workflow
        if self.run_id is not None:
            return f"run {self.run_id} of workflow '{name}' was cancelled, because its runtime was closed"
        return f"the runtime of workflow '{name}' is closed; make a new Runtime, or run before close()"


class SecretError(AgentRuntimeError, ValueError):
    """What was given as a secret, or fetched for one, cannot be kept secret.

    Attributes:
        problem: why; never the value.
    """

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem

    def __str__(self) -> str:
        return self.problem
