"""S11: a crowd that waits for one loop thread looks at it as often as a few do."""

from __future__ import annotations

import asyncio
import sys
import threading
from typing import Any

import pytest

from agent_runtime.bridge import run_sync

CROWD = 60


def test_a_crowd_does_not_list_the_frames_of_all_threads_once_each(monkeypatch: pytest.MonkeyPatch) -> None:
    frames_of_all = sys._current_frames
    looks: list[None] = []

    def counted() -> Any:
        looks.append(None)
        return frames_of_all()

    async def work() -> None:
        await asyncio.sleep(0.6)

    monkeypatch.setattr(sys, "_current_frames", counted)
    threads = [threading.Thread(target=run_sync, args=(work,)) for _ in range(CROWD)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert 0 < len(looks) < CROWD  # each of them looks twice at least
