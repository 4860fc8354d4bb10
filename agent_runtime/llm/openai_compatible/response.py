"""What a server says, as JSON: to the reply of an LLM client."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from agent_runtime.errors.stacks import is_of_the_caller
from agent_runtime.secrets import Redactor

__all__ = (
    "MalformedReplyError",
    "excerpt",
    "fault_in",
    "parsed",
    "reply_of",
    "surroundings_of",
    "text_of",
    "tool_call",
    "usage_of",
    "whole_characters",
)

_EXCERPT = 200
"""Characters of what came that a message shows; enough to know an error page by."""


class MalformedReplyError(Exception):
    """What came is no chat completion. Never leaves this folder.

    Args:
        what: what it is instead.
        shown: a piece of it, for the message, when what must not be shown is out of it.
    """

    def __init__(self, what: str, shown: bytes | str | None = None) -> None:
        super().__init__(what, shown)
        self.what = what
        self.shown = shown

    def text(self, redactor: Redactor) -> str:
        """Return what to say of it."""
        return self.what if self.shown is None else f"{self.what}: {excerpt(self.shown, redactor)}"


def parsed(data: bytes) -> Mapping[str, object]:
    """Return the JSON object in ``data``.

    Raises:
        MalformedReplyError: it is not one.
    """
    try:
        value: object = json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise MalformedReplyError(f"which is not UTF-8, at byte {error.start}") from None
    except RecursionError as error:
        if is_of_the_caller(error):
            raise
        raise MalformedReplyError("which is JSON nested too deep") from None
    except ValueError as error:
        reason = str(error).partition(" (")[0] if "digits" in str(error) else str(error)
        raise MalformedReplyError(f"which is not JSON ({reason})", data) from None
    if not isinstance(value, dict):
        raise MalformedReplyError("which is JSON, but no object", data)
    return value


def excerpt(data: bytes | str, redactor: Redactor) -> str:
    """Return the beginning of what came, in one line, for a message, without what must not be shown."""
    text = data if isinstance(data, str) else data.decode("utf-8", "replace")
    most = 20 * _EXCERPT  # so much of it may be blanks; what is long is not searched to its end
    if len(text) > most:
        text = text[: most + redactor.longest]
        text = redactor.text(text)[: -redactor.longest] if redactor.longest else text
    else:
        text = redactor.text(text)
    text = re.sub(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029]+", " ", text).strip()
    if not text:
        return "nothing"
    return repr(text if len(text) <= _EXCERPT else text[:_EXCERPT] + "...")


def fault_in(body: Mapping[str, object], redactor: Redactor) -> tuple[str, str | None] | None:
    """Return what the server says is wrong, and its word for it, if the object is an error."""
    fault = body.get("error") or body.get("detail")
    if fault is None and "choices" not in body and isinstance(body.get("message"), str):
        fault = body
    if not fault:
        return None
    if not isinstance(fault, Mapping):
        return excerpt(fault if isinstance(fault, str) else json.dumps(fault), redactor), None
    message = fault.get("message")
    code = next((fault[name] for name in ("code", "type") if isinstance(fault.get(name), str)), None)
    text = excerpt(message if isinstance(message, str) else json.dumps(fault), redactor)
    return text, code if code is None else excerpt(code, redactor)[1:-1]


def reply_of(body: Mapping[str, object]) -> dict[str, object]:
    """Return the reply that a whole chat completion stands for.

    Raises:
        MalformedReplyError: it is not one.
    """
    choices = body.get("choices")
    if not isinstance(choices, Sequence) or isinstance(choices, str):
        raise MalformedReplyError("which has no list of 'choices'; it has", ", ".join(body))
    if not choices:
        raise MalformedReplyError("whose list of 'choices' is empty")
    choice = choices[0]
    message = choice.get("message") if isinstance(choice, Mapping) else None
    if not isinstance(message, Mapping):
        raise MalformedReplyError("whose first choice has no 'message'")
    content = text_of(message.get("content"))
    reply: dict[str, object] = {"content": None if content is None else whole_characters(content)}
    calls = message.get("tool_calls")
    if calls:
        if not isinstance(calls, Sequence) or isinstance(calls, str):
            raise MalformedReplyError(f"whose 'tool_calls' are {type(calls).__name__}, no list")
        reply["tool_calls"] = [_call(call, number) for number, call in enumerate(calls)]
    if isinstance(message.get("refusal"), str):
        reply["refusal"] = message["refusal"]
    if isinstance(choice.get("finish_reason"), str):
        reply["finish_reason"] = choice["finish_reason"]
    return {**reply, **surroundings_of(body)}


def surroundings_of(body: Mapping[str, object]) -> dict[str, object]:
    """Return what else a completion, or a part of it, says: model, id, usage."""
    said: dict[str, object] = {
        name: body[name] for name in ("id", "model") if isinstance(body.get(name), str) and body[name]
    }
    usage = usage_of(body.get("usage"))
    return {**said, "usage": usage} if usage else said


def text_of(content: object) -> str | None:
    """Return a message's content as text.

    Raises:
        MalformedReplyError: it is neither text, nor parts with text, nor nothing.
    """
    if content is None or isinstance(content, str):
        return content
    if isinstance(content, Sequence) and all(isinstance(part, Mapping) for part in content):
        return "".join(part["text"] for part in content if isinstance(part.get("text"), str))
    raise MalformedReplyError(f"whose 'content' is {type(content).__name__}, no text")


def whole_characters(text: str) -> str:
    """Join halves of surrogate pairs, which JSON can write one by one, and replace those left over."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def tool_call(number: int, call_id: object, name: object, arguments: object) -> dict[str, object]:
    """Return one call of a tool in the form that steps read.

    Raises:
        MalformedReplyError: it has no name, or its arguments are neither text nor an object.
    """
    if not isinstance(name, str) or not name:
        raise MalformedReplyError(f"whose tool call {number + 1} has no name of a function")
    if isinstance(arguments, Mapping):  # some servers do not write it as text
        arguments = json.dumps(arguments, ensure_ascii=False)
    if arguments is None:
        arguments = ""
    if not isinstance(arguments, str):
        raise MalformedReplyError(f"whose tool call {number + 1} has arguments that are no text")
    given = call_id if isinstance(call_id, str) and call_id else f"call_{number + 1}"
    return {
        "id": given,
        "type": "function",
        "function": {"name": name, "arguments": whole_characters(arguments) or "{}"},
    }


def usage_of(usage: object) -> dict[str, int]:
    """Return the tokens that were counted, by the names that steps use."""
    if not isinstance(usage, Mapping):
        return {}
    prompt, completion = usage.get("prompt_tokens_details"), usage.get("completion_tokens_details")
    found = {
        "input_tokens": usage.get("prompt_tokens"),
        "output_tokens": usage.get("completion_tokens"),
        "total_tokens": usage.get("total_tokens"),
        "cached_input_tokens": prompt.get("cached_tokens") if isinstance(prompt, Mapping) else None,
        "reasoning_tokens": completion.get("reasoning_tokens") if isinstance(completion, Mapping) else None,
    }
    return {
        name: count
        for name, count in found.items()
        if isinstance(count, int) and not isinstance(count, bool) and count >= 0
    }


def _call(call: object, number: int) -> dict[str, object]:
    function = call.get("function") if isinstance(call, Mapping) else None
    if not isinstance(call, Mapping) or not isinstance(function, Mapping):
        raise MalformedReplyError(f"whose tool call {number + 1} has no 'function'")
    return tool_call(number, call.get("id"), function.get("name"), function.get("arguments"))
