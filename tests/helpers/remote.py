"""What children of multiprocessing import and call."""

from __future__ import annotations

from agent_runtime.bridge import run_sync

__all__ = ("remote_call",)


async def _double(number: int) -> int:
    return 2 * number


def remote_call(number: int) -> int:
    """Make a sync call in whatever process this is."""
    return run_sync(_double, number)
