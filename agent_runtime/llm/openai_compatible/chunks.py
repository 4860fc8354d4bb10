"""A streamed answer, put together from its chunks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agent_runtime.llm.openai_compatible.response import (
    MalformedReplyError,
    surroundings_of,
    text_of,
    tool_call,
    whole_characters,
)

__all__ = ("StreamedAnswer",)

_MAX_CALLS = 1_000
"""Tool calls in one answer; a guess that no model comes near. Their index is the server's to say."""


class StreamedAnswer:
    """Takes chunks, gives the text of each, and in the end the whole reply.

    Attributes:
        finished: whether the server has said why the answer ends, so that no text is missing.
        complete: whether it has said that nothing more comes.
    """

    def __init__(self) -> None:
        self.finished = False
        self.complete = False
        self._texts: list[str] = []
        self._half = ""
        self._refusal: list[str] = []
        self._calls: dict[int, _Call] = {}
        self._said: dict[str, object] = {}

    def add(self, chunk: Mapping[str, object]) -> str:
        """Take a chunk and return the text in it, or nothing.

        Raises:
            MalformedReplyError: it is not a chunk of a chat completion.
        """
        self._said.update(surroundings_of(chunk))
        choices = chunk.get("choices")
        if choices is None and "usage" in chunk:
            return ""
        if not isinstance(choices, Sequence) or isinstance(choices, str):
            raise MalformedReplyError("which has no list of 'choices'")
        if not choices:  # the last chunk, which has the usage
            return ""
        choice = choices[0]
        delta = choice.get("delta") if isinstance(choice, Mapping) else None
        if not isinstance(delta, Mapping):
            raise MalformedReplyError("whose first choice has no 'delta'")
        if isinstance(choice.get("finish_reason"), str):
            self._said["finish_reason"] = choice["finish_reason"]
            self.finished = True
        if isinstance(delta.get("refusal"), str):
            self._refusal.append(delta["refusal"])
        self._add_calls(delta.get("tool_calls"))
        return self._whole_characters(text_of(delta.get("content")) or "")

    def reply(self) -> dict[str, object]:
        """Return the whole reply.

        Raises:
            MalformedReplyError: a call of a tool is not whole.
        """
        content = "".join(self._texts) + whole_characters(self._half)
        reply: dict[str, object] = {"content": content if content or not self._calls else None}
        if self._calls:
            reply["tool_calls"] = [
                tool_call(number, call.id, call.name, "".join(call.arguments))
                for number, (_, call) in enumerate(sorted(self._calls.items()))
            ]
        if self._refusal:
            reply["refusal"] = "".join(self._refusal)
        return {**reply, **self._said}

    def _whole_characters(self, text: str) -> str:
        """Hold back the first half of a surrogate pair: the second may come in the next chunk."""
        text, self._half = self._half + text, ""
        if text and "\ud800" <= text[-1] <= "\udbff":
            text, self._half = text[:-1], text[-1]
        text = whole_characters(text)
        if text:
            self._texts.append(text)
        return text

    def _add_calls(self, parts: object) -> None:
        if not parts:
            return
        if not isinstance(parts, Sequence) or isinstance(parts, str):
            raise MalformedReplyError("whose 'tool_calls' are no list")
        for part in parts:
            if not isinstance(part, Mapping):
                raise MalformedReplyError("whose tool call is no object")
            call = self._calls.setdefault(self._number_of(part), _Call())
            if len(self._calls) > _MAX_CALLS:
                raise MalformedReplyError(f"which has more than {_MAX_CALLS} tool calls")
            call.add(part)

    def _number_of(self, part: Mapping[str, object]) -> int:
        """Return which call a part belongs to; some servers leave the index out, and send calls whole."""
        index = part.get("index")
        if isinstance(index, int):
            return index
        last = max(self._calls, default=-1)
        return last + 1 if part.get("id") or last < 0 else last


class _Call:
    """One call of a tool, as far as it has come."""

    def __init__(self) -> None:
        self.id: str | None = None
        self.name = ""
        self.arguments: list[str] = []

    def add(self, part: Mapping[str, object]) -> None:
        function = part.get("function")
        if isinstance(part.get("id"), str):
            self.id = self.id or str(part["id"])
        if not isinstance(function, Mapping):
            return
        name, arguments = function.get("name"), function.get("arguments")
        if isinstance(name, str) and name != self.name:  # some servers say it in every part
            self.name += name
        if isinstance(arguments, str):
            self.arguments.append(arguments)
        elif arguments is not None:
            whole = tool_call(0, None, self.name or "?", arguments)["function"]
            assert isinstance(whole, dict)
            self.arguments.append(whole["arguments"])
