"""How pytest-xdist spreads the cells: a context's cells go to one worker, which has its hosts running.

An own scheduler rather than ``--dist loadgroup``: that one writes the group into each test's id, where
newer versions of pytest do not look for it, and the ids of cells are to stay what they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]  # has no stubs

if TYPE_CHECKING:
    import pytest

__all__ = ("CellScheduling", "scope_of")

CELL_TESTS = ("test_cell", "test_cell_of_report")
"""The tests whose ids end with a cell."""


def scope_of(node_id: str) -> str:
    """Return what has to stay in one worker with a test: a cell's context, else the test alone."""
    test, bracket, parameters = node_id.partition("[")
    cell = parameters.removesuffix("]").split("/")
    return cell[2] if bracket and test.endswith(CELL_TESTS) and len(cell) == 4 else node_id


class CellScheduling(LoadScopeScheduling):  # type: ignore[misc]  # its base has no stubs
    """Spreads tests one by one and cells context by context, the largest first."""

    def __init__(self, config: pytest.Config, log: object = None) -> None:
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        return scope_of(nodeid)
