"""A step that has ended leaves its output and its record behind, and nothing else."""

from __future__ import annotations

import pytest

from benchmarks.step_memory import taken

COUNT = 1_500

IN_PROGRESS = 4_000
"""Bytes that a step may take until it has ended: a task, its context and its coroutines are half of that."""


@pytest.mark.parametrize("kind", ["def", "async def"])
@pytest.mark.parametrize(
    ("shape", "output_and_record"),
    [
        pytest.param("fan-out", 350, id="fan_out"),
        pytest.param("chain", 350, id="chain"),
        pytest.param("for_each, ten at a time", 100, id="for_each"),  # the record is that of the whole
    ],
)
def test_ended_step_leaves_its_output_and_its_record(shape: str, kind: str, output_and_record: int) -> None:
    peak, kept = taken(shape, kind, COUNT)

    assert kept < output_and_record * COUNT
    at_once = COUNT if (shape, kind) == ("fan-out", "async def") else 10
    assert peak - kept < at_once * IN_PROGRESS + 100 * COUNT
