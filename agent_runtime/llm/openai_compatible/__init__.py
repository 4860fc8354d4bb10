"""A client for servers that speak the chat format of OpenAI, over httpx.

httpx is an extra: ``pip install "agent-runtime[httpx]"``. It is imported when the first client is made.
"""

from __future__ import annotations

from agent_runtime.llm.openai_compatible.client import OpenAICompatibleClient
from agent_runtime.llm.openai_compatible.options import HTTPOptions

__all__ = ("HTTPOptions", "OpenAICompatibleClient")
