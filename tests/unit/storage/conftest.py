"""Storages, one after the other, and a tool."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent_runtime import MemoryStorage, SQLiteStorage, Storage
from tests.helpers.counting import Counter
from tests.helpers.postgresql import server


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """Return the words that lead to a server of our own."""
    with server() as conninfo:
        yield conninfo


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
