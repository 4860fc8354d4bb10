"""Agents: one step that asks a model more than once, calls tools for it, and holds its answer to a form.

Imported when a workflow has an agent step with tools, an output, a memory or a prompt.
"""

from __future__ import annotations

from agent_runtime.agents.binding import Binder

__all__ = ("Binder",)
