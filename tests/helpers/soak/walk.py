"""Going down a chain: the value, the context variable and the exception are watched at every link."""

from __future__ import annotations

import contextvars
from collections.abc import Callable
from dataclasses import dataclass

from agent_runtime.bridge import call_in_caller, run_sync

__all__ = ("LINKS", "Refused", "Walk", "expect", "go", "link", "raised")

request_id: contextvars.ContextVar[str] = contextvars.ContextVar("request_id", default="unset")
FAIL = "fail"
"""The last word of a chain whose last call raises."""


class Refused(Exception):
    """What the last call of a chain raises."""


raised: list[Refused] = []
"""The exceptions of this process; the very last one has to come out of the chain."""


@dataclass(frozen=True)
class Walk:
    """The rest of a chain, and where it stands; can be sent to another process."""

    chain: tuple[str, ...]
    depth: int = 0
    seen: str = "unset"

    def elsewhere(self) -> Walk:
        """Return it for a process that starts with no context variables."""
        return Walk(self.chain, self.depth, "unset")


LINKS: dict[str, Callable[[Walk], list[str]]] = {}
"""Each brings its context about, goes on inside, and returns the names of all links that were walked."""


def link(body: Callable[[Walk], list[str]]) -> Callable[[Walk], list[str]]:
    """Register a link by its function's name."""
    LINKS[body.__name__] = body
    return body


def expect(got: object, wanted: object, what: str) -> None:
    """Fail the whole walk if it is not as it should be."""
    if got != wanted:
        raise AssertionError(f"{what}: {got!r} instead of {wanted!r}")


def go(walk: Walk) -> list[str]:
    """Walk the rest of a chain from here, in this thread and context; return the names of its links."""
    expect(request_id.get(), walk.seen, f"context variable at depth {walk.depth}")
    if walk.chain in ((), (FAIL,)):
        return run_sync(_last, walk, on_running_loop="allow")
    name, place = walk.chain[0], f"{walk.depth} {walk.chain[0]}"
    token = request_id.set(place)
    try:
        return [name, *LINKS[name](Walk(walk.chain[1:], walk.depth + 1, place))]
    finally:
        expect(request_id.get(), place, f"context variable after {place}")
        request_id.reset(token)


async def _last(walk: Walk) -> list[str]:
    """Make the last call of a chain: its step runs on the calling thread, sees the variable, sets another."""
    expect(request_id.get(), walk.seen, "context variable in the last call")
    request_id.set("changed in the last call")

    def step() -> list[str]:
        if walk.chain:
            raised.append(Refused(walk.depth))
            raise raised[-1]
        return []

    return await call_in_caller(step)
