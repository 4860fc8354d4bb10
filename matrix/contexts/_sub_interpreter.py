"""Cells in sub-interpreters of the host's own process."""

from __future__ import annotations

import sys

from matrix.contexts._join import ROOT, joining
from matrix.model import Cell

__all__ = ("EVIDENCE", "GATE_PROBES", "WITHOUT", "performing")

EVIDENCE = {"interpreter": "not the main one", "host": "the main interpreter of this process"}
"""What proves that a cell is performed in a sub-interpreter, and in the process of its host."""

WITHOUT = {
    "*ctrl_c": "Python handles signals in the main interpreter only",
    "*signal*": "Python handles signals in the main interpreter only",
    "*fork*": "an isolated interpreter may not fork",
    "works_at_the_end_of_the_process": "a thread that waits for the main thread keeps it from ending",
}
"""What a sub-interpreter rules out, by probe."""

GATE_PROBES = (
    "allows_reentry",
    "keeps_context_variables",
    "raises_the_steps_own_exception",
    "returns_the_async_value",
    "runs_on_one_loop",
    "serves_many_threads",
    "streams_items_as_they_are_produced",
)

_CODE = """
import os, sys
sys.path[:] = {path!r}
import _interpreters
{joining}
evidence = {{
    "interpreter": "the main one" if _interpreters.get_current()[0] == 0 else "not the main one",
    "host": "the main interpreter of this process" if os.getpid() == {process} else "another process",
}}
job.perform(cell, evidence=evidence)
"""


def performing(cell: Cell, process: int) -> str:
    """Return code that performs a cell; ``process`` is that of the host."""
    path = [str(ROOT), *filter(None, sys.path)]
    return _CODE.format(path=path, joining=joining(cell), process=process)
