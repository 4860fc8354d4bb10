"""What is to be seen of a workflow: a figure for each step, a line for each wait."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from agent_runtime.expressions import Constant, Items, Pairs, Reference, Template, Text
from agent_runtime.workflow.model import (
    ONCE,
    AgentCall,
    Approval,
    Block,
    FunctionCall,
    OnError,
    Step,
    ToolCall,
    Workflow,
    WorkflowCall,
)

__all__ = ("Drawing", "Figure", "Kind", "Line", "Link", "drawing_of")

_LONGEST = 48
"""Characters of a condition or a name that are shown; a guess."""


class Kind(enum.Enum):
    """What a step does."""

    AGENT = "agent"
    FUNCTION = "function"
    TOOL = "tool"
    APPROVAL = "approval"
    WORKFLOW = "workflow"
    STEPS = "steps"
    PARALLEL = "parallel"


class Link(enum.Enum):
    """What a line means."""

    NEEDS = "needs"
    """The second begins when the first has ended."""
    FALLBACK = "on failure"
    """The second is done when the first has failed."""
    COMPENSATE = "undone by"
    """The second undoes the first, when the run fails."""


class Figure(NamedTuple):
    """One step.

    Attributes:
        path: its id; for one inside another, where it stands.
        kind: what it does.
        title: its id.
        what: the name of what it calls, or an empty string.
        notes: what it says besides: conditions, loops, retries, limits.
        is_conditional: whether it may be skipped.
        inside: the steps inside it, if it has any.
    """

    path: str
    kind: Kind
    title: str
    what: str
    notes: tuple[str, ...]
    is_conditional: bool
    inside: Drawing | None


class Line(NamedTuple):
    """A line from one figure of a drawing to another, by their numbers."""

    start: int
    end: int
    link: Link


class Drawing(NamedTuple):
    """Figures and lines between them; lines lead forward, from a lower number or to a standby.

    Attributes:
        title: the workflow's name, or the id of the step around it.
        description: the workflow's, or an empty string.
        figures: in the order of the file, each followed by what stands by for it.
        lines: between them.
    """

    title: str
    description: str
    figures: tuple[Figure, ...]
    lines: tuple[Line, ...]

    def every_figure(self) -> Iterator[Figure]:
        """Yield all figures, also those inside others."""
        for figure in self.figures:
            yield figure
            if figure.inside is not None:
                yield from figure.inside.every_figure()


def drawing_of(workflow: Workflow) -> Drawing:
    """Return what is to be seen of a workflow."""
    return _drawing(workflow.steps, workflow.name, workflow.description, prefix="")


def _drawing(steps: Sequence[Step], title: str, description: str, *, prefix: str) -> Drawing:
    figures: list[Figure] = []
    lines: list[Line] = []
    numbers: dict[str, int] = {}
    for step in steps:
        numbers[step.id] = number = len(figures)
        figures.append(_figure(step, prefix + step.id))
        for standby, link in ((step.fallback, Link.FALLBACK), (step.compensate, Link.COMPENSATE)):
            if standby is not None:
                lines.append(Line(number, len(figures), link))
                word = "fallback" if link is Link.FALLBACK else "compensate"
                figures.append(_figure(standby, f"{prefix}{step.id}:{word}", title=word))
    for step in steps:
        lines += [Line(numbers[other], numbers[step.id], Link.NEEDS) for other in step.depends_on]
    return Drawing(title, description, tuple(figures), tuple(lines))


def _figure(step: Step, path: str, *, title: str | None = None) -> Figure:
    inside = None
    if isinstance(step.action, Block):
        inside = _drawing(step.action.steps, step.id, "", prefix=f"{path}.")
    kind, what = _kind_of(step)
    notes = tuple(_notes_of(step))
    return Figure(path, kind, title or step.id, _short(what), notes, step.when is not None, inside)


def _kind_of(step: Step) -> tuple[Kind, str]:
    match step.action:
        case AgentCall(scenario=scenario, version=version):
            return Kind.AGENT, " ".join(filter(None, (scenario, version)))
        case FunctionCall(name=name):
            return Kind.FUNCTION, name
        case ToolCall(name=name):
            return Kind.TOOL, name
        case Approval(message=message):
            return Kind.APPROVAL, _text_of(message)
        case WorkflowCall(name=name):
            return Kind.WORKFLOW, name
        case Block(independent=independent):
            return (Kind.PARALLEL if independent else Kind.STEPS), ""


def _notes_of(step: Step) -> Iterator[str]:
    """Yield what a step says of itself, each in a few words."""
    if step.when is not None:
        yield f"when {_short(_text_of(step.when))}"
    if step.for_each is not None:
        yield f"for each of {_short(_text_of(step.for_each.items))}, {step.for_each.concurrency} at once"
    if step.repeat is not None:
        until, while_ = step.repeat.until, step.repeat.while_
        ending = f" until {_short(_text_of(until))}" if until is not None else ""
        going_on = f" while {_short(_text_of(while_))}" if while_ is not None else ""
        yield f"repeat{going_on}{ending}, {step.repeat.max} times at most"
    if isinstance(step.action, Block) and step.action.concurrency is not None:
        yield f"{step.action.concurrency} at once"
    if step.retry is not ONCE and step.retry.attempts > 1:
        yield f"{step.retry.attempts} attempts"
    if step.timeout is not None:
        yield f"{step.timeout:g} s at most"
    if step.on_error is OnError.CONTINUE:
        yield "goes on after a failure"


def _text_of(template: Template) -> str:
    """Write a template as the file has it, more or less."""
    match template:
        case Constant(value):
            return str(value)
        case Reference(text=text):
            return text
        case Text(parts):
            return "".join(part if isinstance(part, str) else f"${{{part.text}}}" for part in parts)
        case Items(items):
            return f"[{', '.join(map(_text_of, items))}]"
        case Pairs(pairs):
            return f"{{{', '.join(f'{key}: {_text_of(value)}' for key, value in pairs)}}}"


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
