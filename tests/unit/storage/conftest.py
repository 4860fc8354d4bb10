"""Storages, one after the other, and a tool."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent_runtime import MemoryStorage, SQLiteStorage, Storage
from tests.helpers.counting import Counter


@pytest.fixture
def count() -> Counter:
    return Counter()


@pytest.fixture(params=["memory", "sqlite"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Storage]:
    if request.param == "memory":
        yield MemoryStorage()
        return
    with SQLiteStorage(tmp_path / "runs.db", synchronous="normal") as kept:
        yield kept
