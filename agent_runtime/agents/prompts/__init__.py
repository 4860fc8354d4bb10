"""Prompts by scenario and version: what a host registers, and what an agent step makes of it."""

from __future__ import annotations

from agent_runtime.agents.prompts.prompt import Prompt, read_prompt
from agent_runtime.agents.prompts.registry import PromptRegistry

__all__ = ("Prompt", "PromptRegistry", "read_prompt")
