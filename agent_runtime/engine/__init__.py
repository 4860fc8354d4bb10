"""The async core: runs a plan on whatever asyncio loop it is awaited on; knows no thread."""

from __future__ import annotations

from agent_runtime.engine.execution import execute
from agent_runtime.engine.plan import Plan
from agent_runtime.engine.planning import Links, compile_plan

__all__ = ("Links", "Plan", "compile_plan", "execute")
