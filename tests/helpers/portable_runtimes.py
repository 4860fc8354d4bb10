"""Runtimes whose one step can be sent to other processes."""

from __future__ import annotations

from agent_runtime import Runtime
from tests.helpers import portable

__all__ = ("runtime_of",)


def runtime_of(name: str, *more: str) -> Runtime:
    """Return a runtime of one step: a function of ``portable``, given ``number`` and ``more`` as inputs."""
    arguments = ", ".join(f"{one}: '${{inputs.{one}}}'" for one in ("number", *more))
    declared = "".join(f", {one}: {{type: any}}" for one in more)
    return Runtime(
        f"inputs: {{number: {{type: any}}{declared}}}\n"
        f"steps:\n  - {{id: step, function: {name}, with: {{{arguments}}}}}\n",
        functions={name: getattr(portable, name)},
    )
