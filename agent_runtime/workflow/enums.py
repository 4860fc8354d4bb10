"""The small words and values that workflow files are written with: closed sets, places, names."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import NamedTuple

__all__ = ("AtMax", "Check", "Named", "OnError", "OnToolError", "Position", "RunsOn", "ValueType")


class Position(NamedTuple):
    """Where something stands in a YAML file, counted from 1; None where there is no file."""

    line: int | None = None
    column: int | None = None


class ValueType(enum.Enum):
    """The types that an input can be declared with."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    ARRAY = "array"
    OBJECT = "object"
    ANY = "any"


Check = Callable[[object], list[str]]
"""From a value to what is wrong with it."""


class OnError(enum.Enum):
    """What a step's failure means for the run."""

    FAIL = "fail"
    """The run ends, and the exception comes out."""
    CONTINUE = "continue"
    """The run goes on, and the step's output is null."""


class RunsOn(enum.Enum):
    """Which thread a ``def`` step runs on."""

    CALLER = "caller"
    """The thread that called the sync entry point; under an async variant, one worker thread for the run."""
    WORKER = "worker"
    """A worker thread of its own."""


class AtMax(enum.Enum):
    """What it means that a step has been repeated as often as it may be."""

    FAIL = "fail"
    """The step fails."""
    END = "end"
    """The step has its last output."""


class OnToolError(enum.Enum):
    """What an exception of a tool means for the agent that has called it."""

    FAIL = "fail"
    """The step fails, and the exception comes out."""
    TELL = "tell"
    """The model is told, and may try something else."""


class Named(NamedTuple):
    """A name that the host gives a meaning, and where it stands."""

    name: str
    position: Position = Position()
