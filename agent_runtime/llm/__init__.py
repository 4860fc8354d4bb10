"""LLM clients: what one is, how fast ones are marked, and the scripted one that needs no network."""

from __future__ import annotations

from agent_runtime.llm.client import LLM, Kind, LLMClient, StreamingLLMClient, fast
from agent_runtime.llm.scripted import ScriptedClient

__all__ = ("LLM", "Kind", "LLMClient", "ScriptedClient", "StreamingLLMClient", "fast")
