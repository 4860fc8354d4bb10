"""Conversations that agents go on with: what keeps them, and a store in memory."""

from __future__ import annotations

from agent_runtime.memory.store import Conversation, InMemoryStore, MemoryStore
from agent_runtime.memory.turns import RunConversations, Turn, windowed

__all__ = ("Conversation", "InMemoryStore", "MemoryStore", "RunConversations", "Turn", "windowed")
