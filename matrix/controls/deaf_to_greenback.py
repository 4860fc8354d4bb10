"""Blocks the loop of a task that could be suspended.

Reports: flow-zombie (Prefect), snowflake-502 (agentlys): a server that stands still for one call.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping

from matrix.controls._right import right
from matrix.model import Control, Source

CONTROL = Control(
    "deaf_to_greenback",
    summary="blocks the loop of a task that greenback has prepared",
    caught_by=("suspends_a_prepared_task",),
    context="greenback_task",
    requires=("greenback",),
)


def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    """Run the source as if greenback had never been imported."""
    greenback = sys.modules.pop("greenback")
    try:
        return right(source, inputs)
    finally:
        sys.modules["greenback"] = greenback
