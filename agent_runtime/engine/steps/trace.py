"""What is known of a step beside its outcome."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from agent_runtime.results.usage import total

if TYPE_CHECKING:
    from agent_runtime.memory import Exchange

__all__ = ("Trace",)


class Trace:
    """What is known of a step beside its outcome; the attempt in progress writes it.

    Attributes:
        step: where it stands.
        tool: what its model has called, if this is about that alone.
        thread: name of the thread that its code ran on.
        exchange: what it adds to a conversation of its run, if that is kept; counts if the step succeeds.
        usage: what its language models were used for.
    """

    __slots__ = ("exchange", "step", "thread", "tool", "usage")

    def __init__(self, step: str, *, tool: str | None = None) -> None:
        self.step = step
        self.tool = tool
        self.thread: str | None = None
        self.usage: Mapping[str, object] | None = None
        self.exchange: Exchange | None = None

    @property
    def name(self) -> str:
        """How messages call it."""
        return self.step if self.tool is None else f"{self.step}:{self.tool}"

    def spend(self, usage: Mapping[str, object] | None) -> None:
        """Add to what it has used; attempts that failed have been paid for as well."""
        self.usage = total(self.usage, usage)
