"""The words of the matrix as data: what a registry file imports, and all that it imports of the machine.

::

    sources       what a probe runs: Source, and the callables under test
    statements    what a file states: Context, EntryPoint, Probe, Peer, Control
    cells         Cell, the smallest thing that is judged, and a host's Job
    outcomes      what happened in a cell

What a probe says of what it saw (:func:`expect`, :func:`observe`, :func:`check_at_exit`) is defined in
``matrix.findings`` and belongs to this interface.
"""

from __future__ import annotations

from matrix.findings import Expected, Refused, check_at_exit, expect, observe
from matrix.model.cells import Cell, Job
from matrix.model.outcomes import HangClass, Outcome, Phase
from matrix.model.sources import AnyFunction, Item, OpenSession, Run, RunAsync, Session, Source, StreamAsync
from matrix.model.statements import (
    Context,
    Control,
    EntryPoint,
    Facts,
    Inside,
    Limits,
    Peer,
    Probe,
    limits_of,
)

__all__ = (
    "AnyFunction",
    "Cell",
    "Context",
    "Control",
    "EntryPoint",
    "Expected",
    "Facts",
    "HangClass",
    "Inside",
    "Item",
    "Job",
    "Limits",
    "OpenSession",
    "Outcome",
    "Peer",
    "Phase",
    "Probe",
    "Refused",
    "Run",
    "RunAsync",
    "Session",
    "Source",
    "StreamAsync",
    "check_at_exit",
    "expect",
    "limits_of",
    "observe",
)
