"""An agent step with two tools, and a client that keeps what it was asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from agent_runtime import RunResult, ScriptedClient, fast, run_workflow

__all__ = ("LIMIT", "SUPPORT", "TOOLS", "Recorded", "agent", "ask", "output")

LIMIT = 20.0  # seconds that no test needs

SUPPORT = """
steps:
  - id: ask
    agent:
      tools: [crm.find, clock]
      messages: [{role: user, content: Who is Ada}]
"""

Reply = str | Mapping[str, object]


class Recorded:
    """Answers from a script, and keeps what it was asked."""

    def __init__(self, *replies: Reply) -> None:
        self._script = ScriptedClient({"ask": list(replies)})
        self.asked: list[Mapping[str, Any]] = []

    @fast
    def call_llm(self, **question: Any) -> Mapping[str, object]:
        self.asked.append(question)
        return self._script.call_llm(**question)

    @property
    def last(self) -> Sequence[Mapping[str, Any]]:
        return cast("Sequence[Mapping[str, Any]]", self.asked[-1]["messages"])


def find(customer: str) -> dict[str, str]:
    """Look a customer up.

    Args:
        customer: name or number.
    """
    return {"name": customer, "plan": "gold"}


async def clock() -> str:
    return "noon"


TOOLS: dict[str, Callable[..., object]] = {"crm.find": find, "clock": clock}


def ask(
    *replies: Reply,
    text: str = SUPPORT,
    find: Callable[..., object] = find,
    clock: Callable[..., object] = clock,
) -> RunResult:
    return run_workflow(text, tools={"crm.find": find, "clock": clock}, llm=Recorded(*replies))


def output(result: RunResult) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", result.outputs["ask"])


def agent(more: str) -> str:
    return SUPPORT + f"      {more}\n"
