"""Sync facades of async functions and whole classes: ``syncify()``, and their types for checkers."""

from agent_runtime.bridge.facades.classes import Facade
from agent_runtime.bridge.facades.public import syncify

__all__ = ("Facade", "syncify")
