"""Conversations that agents go on with: what keeps them, and a store in memory."""

from __future__ import annotations

from agent_runtime.memory.run_conversations import Exchange, RunConversations, windowed
from agent_runtime.memory.store import Conversation, InMemoryStore, MemoryStore

__all__ = ("Conversation", "Exchange", "InMemoryStore", "MemoryStore", "RunConversations", "windowed")
