"""What is true at the place where this is called, and where that contradicts a context's statement."""

from __future__ import annotations

import asyncio
import sys
import threading
from typing import TYPE_CHECKING

from matrix.model import Facts

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ("as_data", "contradictions", "observe_here")


def observe_here(evidence: Mapping[str, str] | None = None) -> Facts:
    """Return the facts of the calling thread, with what the host itself can show."""
    # The only function that tells without raising, also in callbacks, where no task is current.
    loop = asyncio._get_running_loop()  # noqa: SLF001 - documented for just this use
    kind = type(loop)
    return Facts(
        running_loop=None if loop is None else f"{kind.__module__}.{kind.__qualname__}",
        current_task=loop is not None and asyncio.current_task(loop) is not None,
        main_thread=threading.current_thread() is threading.main_thread(),
        kernel=_a_kernel_is_live(),
        suspendable=_can_be_suspended(),
        evidence=dict(evidence or {}),
    )


def contradictions(*, stated: Facts, seen: Facts) -> list[str]:
    """Return a sentence for each stated fact that is not true here."""
    found = []
    loops = stated.running_loop if isinstance(stated.running_loop, tuple) else (stated.running_loop,)
    if seen.running_loop not in loops:
        wanted = " or ".join(loop or "no loop" for loop in loops)
        found.append(f"running loop is {seen.running_loop or 'no loop'}, stated is {wanted}")
    found.extend(
        f"{name} is {getattr(seen, name)}, stated is {getattr(stated, name)}"
        for name in ("current_task", "main_thread", "kernel", "suspendable")
        if getattr(stated, name) != getattr(seen, name)
    )
    found.extend(
        f"evidence {name} is {seen.evidence.get(name)!r}, stated is {value!r}"
        for name, value in stated.evidence.items()
        if seen.evidence.get(name) != value
    )
    return found


def as_data(facts: Facts) -> dict[str, object]:
    """Return facts as plain data for a record."""
    loops = facts.running_loop
    return {
        "running_loop": list(loops) if isinstance(loops, tuple) else loops,
        "current_task": facts.current_task,
        "main_thread": facts.main_thread,
        "kernel": facts.kernel,
        "suspendable": facts.suspendable,
        "evidence": dict(facts.evidence),
    }


def _can_be_suspended() -> bool:
    """Whether greenback has prepared this task, or SQLAlchemy runs this in a greenlet; imports nothing."""
    has_portal = getattr(sys.modules.get("greenback"), "has_portal", None)
    if has_portal is not None and has_portal():
        return True
    greenlet = sys.modules.get("greenlet")
    here = None if greenlet is None else greenlet.getcurrent()
    return bool(getattr(here, "__sqlalchemy_greenlet_provider__", False))


def _a_kernel_is_live() -> bool:
    """Whether IPython's shell in this process is a notebook kernel's; imports nothing."""
    get_ipython = getattr(sys.modules.get("IPython"), "get_ipython", None)
    shell = get_ipython() if callable(get_ipython) else None
    return any(kind.__name__ == "ZMQInteractiveShell" for kind in type(shell).__mro__)
