"""A client that answers from a script: for tests, examples, and as the default."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import AsyncGenerator, Mapping, Sequence

from agent_runtime.llm.client import fast

__all__ = ("ScriptedClient",)

Reply = str | Mapping[str, object] | BaseException


class ScriptedClient:
    """Answer every question deterministically, without network and without waiting.

    Safe to share by many threads: nothing is locked, and taking the next reply is one step.

    Args:
        replies: what to answer, by step id; a list is used up one by one, and its last reply then
            stays. A reply is a text, a whole mapping, what :func:`tool_calls` returns, or an exception
            to raise. For a step that is not named here the answer is the text of the last message.
    """

    def __init__(self, replies: Mapping[str, Reply | Sequence[Reply]] | None = None) -> None:
        self._replies = {step: _Replies(given) for step, given in (replies or {}).items()}

    @fast
    def call_llm(
        self,
        *,
        messages: Sequence[Mapping[str, object]],
        config: Mapping[str, object],  # noqa: ARG002
        task_id: str,
        workflow_name: str,  # noqa: ARG002
        prompt_template: str | None,  # noqa: ARG002
        template_version: str | None,  # noqa: ARG002
        metadata: Mapping[str, str],  # noqa: ARG002
    ) -> Mapping[str, object]:
        """Return the next reply of the script; usage counts words.

        Raises:
            BaseException: the script says so.
        """
        script = self._replies.get(task_id.removeprefix("step_"))
        last = messages[-1].get("content", "") if messages else ""
        reply = last if script is None else script.next()
        if isinstance(reply, BaseException):
            raise reply
        if isinstance(reply, Mapping):
            calls = reply.get("tool_calls")
            return {"usage": _usage(messages, calls), **reply} if calls else reply
        content = str(reply)
        return {"content": content, "usage": _usage(messages, content)}

    async def stream_llm(
        self,
        *,
        messages: Sequence[Mapping[str, object]],
        config: Mapping[str, object],
        task_id: str,
        workflow_name: str,
        prompt_template: str | None,
        template_version: str | None,
        metadata: Mapping[str, str],
    ) -> AsyncGenerator[str | Mapping[str, object], None]:
        """Give the next reply of the script word by word, and then the whole of it.

        Raises:
            BaseException: the script says so.
        """
        reply = self.call_llm(
            messages=messages,
            config=config,
            task_id=task_id,
            workflow_name=workflow_name,
            prompt_template=prompt_template,
            template_version=template_version,
            metadata=metadata,
        )
        content = reply.get("content")
        for word in re.findall(r"\s*\S+\s*$|\s*\S+", content) if isinstance(content, str) else ():
            yield word
        yield reply


def _usage(messages: Sequence[Mapping[str, object]], answer: object) -> dict[str, int]:
    asked = sum(len(str(message.get("content") or "").split()) for message in messages)
    return {"input_tokens": asked, "output_tokens": len(str(answer).split())}


class _Replies:
    """The replies of one step; ``deque.popleft`` is atomic, so threads need no lock."""

    def __init__(self, given: Reply | Sequence[Reply]) -> None:
        replies = [given] if isinstance(given, str | Mapping | BaseException) else list(given)
        if not replies:
            raise ValueError("a list of scripted replies has at least one reply")
        self._last = replies.pop()
        self._left = deque(replies)

    def next(self) -> Reply:
        try:
            return self._left.popleft()
        except IndexError:
            return self._last
