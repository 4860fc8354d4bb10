"""The lock of the gate's cells is the one that the registry makes."""

from __future__ import annotations

from matrix.lock import lock_objections
from matrix.registry import Registry


def test_lock_has_every_cell_of_the_gate_and_no_other() -> None:
    assert [str(objection) for objection in lock_objections(Registry())] == []
