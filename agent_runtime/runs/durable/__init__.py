"""Runs that are kept: taken in hand by one runner at a time, written down, and gone on with.

Imported when a storage is given, and not before.
"""

from __future__ import annotations

from agent_runtime.runs.durable.claim import may_go_on
from agent_runtime.runs.durable.decisions import Decision, decide
from agent_runtime.runs.durable.durability import Durability
from agent_runtime.runs.durable.lease import Keeper

__all__ = ("Decision", "Durability", "Keeper", "decide", "may_go_on")
