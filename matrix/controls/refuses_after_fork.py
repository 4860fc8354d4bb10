"""Finds out that it is in a forked child, and declines for good.

Report: torch-dataloader (filesystem_spec): "This class is not fork-safe".
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from matrix.controls._right import right
from matrix.model import Control, Source

CONTROL = Control(
    "refuses_after_fork",
    summary="notices the fork and refuses every call in the child",
    caught_by=("works_in_a_forked_child",),
    platforms=("linux", "darwin"),
    harmless=True,
)

_process = os.getpid()


def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    """Run the source, but in the process that imported this module only."""
    if os.getpid() != _process:
        raise RuntimeError("This class is not fork-safe")
    return right(source, inputs)
