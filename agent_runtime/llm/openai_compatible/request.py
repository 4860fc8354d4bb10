"""What a step asks, as the body of a request."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from agent_runtime.errors import LLMRequestError
from agent_runtime.errors.stacks import is_of_the_caller

__all__ = ("body_of",)


def body_of(
    messages: Sequence[Mapping[str, object]],
    config: Mapping[str, object],
    defaults: Mapping[str, object],
    *,
    stream: bool,
) -> bytes:
    """Return the JSON of a request: the messages, and every setting of the step as it is.

    Settings of the step win over the client's own; one that is None is not sent.

    Raises:
        LLMRequestError: a setting is the client's to make, is no JSON, or the model is not named.
    """
    settings = {**defaults, **config}
    for name in ("messages", "stream"):
        if name in settings:
            raise LLMRequestError(f"'config' has '{name}', which the client sets itself; leave it out")
    if settings.get("n") not in (None, 1):
        raise LLMRequestError(f"'config' asks for {settings['n']} answers with 'n', and a step has one")
    if not isinstance(settings.get("model"), str) or not settings["model"]:
        raise LLMRequestError("no model is named; write 'config: {model: ...}', or give the client model=")
    if stream:
        settings.setdefault("stream_options", {"include_usage": True})
        settings["stream"] = True
    body = {"messages": list(messages), **settings}
    # Lone surrogates are escaped, as JSON may; UTF-8 has none.
    return _json({name: value for name, value in body.items() if value is not None}).encode(
        "utf-8", "backslashreplace"
    )


def _json(body: Mapping[str, object]) -> str:
    try:
        return _dumped(body)
    except (TypeError, ValueError, RecursionError) as error:
        if is_of_the_caller(error):
            raise
    for name, value in body.items():
        try:
            _dumped(value)
        except (TypeError, ValueError, RecursionError) as error:
            reason = "it is nested too deep" if isinstance(error, RecursionError) else str(error)
            raise LLMRequestError(f"'{name}' cannot be sent as JSON: {reason}") from None
    raise LLMRequestError("'config' has a name that is no text")


def _dumped(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain)


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is no JSON")
