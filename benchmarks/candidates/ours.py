"""agent_runtime, in each situation that its budgets name."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.model import AsyncFn, Candidate, Kind, SyncFn, Where

__all__ = ("CANDIDATES",)


@contextmanager
def _run_sync(async_fn: AsyncFn) -> Iterator[SyncFn]:
    from agent_runtime.bridge import run_sync

    yield functools.partial(run_sync, async_fn)


@contextmanager
def _uvloop_portal(async_fn: AsyncFn) -> Iterator[SyncFn]:
    import uvloop

    from agent_runtime.bridge import Bridge

    with Bridge(loop_factory=uvloop.new_event_loop) as bridge:
        yield functools.partial(bridge.run_sync, async_fn)


CANDIDATES = (
    Candidate("ours", "agent_runtime run_sync", Kind.OURS, Where.LOOP, _run_sync, crowd="agent_runtime"),
    Candidate("ours_script", "agent_runtime run_sync", Kind.OURS, Where.SCRIPT, _run_sync),
    Candidate("ours_worker", "agent_runtime run_sync", Kind.OURS, Where.WORKER, _run_sync),
    Candidate(
        "ours_uvloop", "agent_runtime, uvloop portal", Kind.OURS, Where.LOOP, _uvloop_portal, "uvloop",
        crowd="agent_runtime, uvloop portal",
    ),
)  # fmt: skip
