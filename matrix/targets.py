"""Whose bridge a cell judges: our own, a control, or a peer; told by the target's name alone.

A control's name says what is demanded of it, so that a cell can be read, and judged, without its file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matrix.model import Control

__all__ = (
    "AGENT_RUNTIME",
    "BROKEN_PREFIX",
    "CONTROL",
    "NEAR_MISS_PREFIX",
    "control_name",
    "is_broken",
    "is_control",
    "is_near_miss",
    "target_of",
)

AGENT_RUNTIME = "agent_runtime"
CONTROL = "control"
"""Each probe's own broken bridge."""
BROKEN_PREFIX = "control:"
"""Before the name of a broken bridge of ``matrix/controls``."""
NEAR_MISS_PREFIX = "near_miss:"
"""Before the name of one that looks odd and is right."""


def target_of(control: Control) -> str:
    """Return the target that stands for a control."""
    return (NEAR_MISS_PREFIX if control.near_miss else BROKEN_PREFIX) + control.name


def control_name(target: str) -> str | None:
    """Return the name of the file in ``matrix/controls`` behind a target; None where none is."""
    prefix, colon, name = target.partition(":")
    return name if prefix + colon in {BROKEN_PREFIX, NEAR_MISS_PREFIX} else None


def is_broken(target: str) -> bool:
    """Whether a target is broken on purpose, so that its cells have to fail."""
    return target == CONTROL or target.startswith(BROKEN_PREFIX)


def is_near_miss(target: str) -> bool:
    """Whether a target is a right bridge that is among the controls, so that its cells have to pass."""
    return target.startswith(NEAR_MISS_PREFIX)


def is_control(target: str) -> bool:
    """Whether a target is there to prove something of the probes."""
    return is_broken(target) or is_near_miss(target)
