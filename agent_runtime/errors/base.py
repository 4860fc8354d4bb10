"""The root of the tree of errors."""

from __future__ import annotations

__all__ = ("AgentRuntimeError",)


class AgentRuntimeError(Exception):
    """Base of every error that this package raises of its own."""
