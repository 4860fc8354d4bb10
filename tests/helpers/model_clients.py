"""Clients of a model's server in tests: made with short limits, asked by a workflow of one step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from agent_runtime import (
    Executor,
    HTTPOptions,
    LLMClient,
    OpenAICompatibleClient,
    Secret,
    StreamEvent,
    TokenReceived,
)

__all__ = ("AT_ONCE", "KEY", "ask", "client_of", "executor", "options", "streamed", "tokens_of")

KEY = "sk-tell-nobody-4711"


def AT_ONCE() -> float:  # noqa: N802 - a constant that has to be a function
    """Give the chance that makes the waits between attempts shortest."""
    return 1.0


def options(**given: Any) -> HTTPOptions:
    """Return options with short waits between attempts, and no short limit on what works."""
    return HTTPOptions(**{"max_retry_wait": 0.01, "random": AT_ONCE, "timeout": 60.0, **given})


def client_of(url: str, **given: Any) -> OpenAICompatibleClient:
    """Return a client of a server; what is not its own goes into its options."""
    own = {name: given.pop(name) for name in ("api_key", "config", "headers", "model") if name in given}
    return OpenAICompatibleClient(
        url, **{"api_key": Secret(KEY), "model": "tiny", **own}, options=options(**given)
    )


def executor(client: object, *messages: Mapping[str, object], **config: object) -> Executor:
    """Return what asks a client one question."""
    asked = list(messages) or [{"role": "user", "content": "hi"}]
    step: dict[str, object] = {"id": "ask", "agent": {"messages": asked, "config": config}}
    return Executor([step], llm=cast("LLMClient", client))


def ask(client: object, **config: object) -> Mapping[str, Any]:
    """Ask a client in sync code, and return its reply."""
    return cast("Mapping[str, Any]", executor(client, **config).run(timeout=60).outputs["ask"])


def streamed(client: object, **config: object) -> list[StreamEvent]:
    """Ask a client in sync code, and return the events of the run."""
    return list(executor(client, **config).stream(timeout=60))


def tokens_of(events: Sequence[StreamEvent]) -> list[str]:
    """Return the pieces of the answer."""
    return [event.text for event in events if isinstance(event, TokenReceived)]
