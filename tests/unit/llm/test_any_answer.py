"""Whatever a server sends, a question ends in a reply or in an error of ours, and soon."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_runtime import LLMServiceError
from agent_runtime.llm.openai_compatible.chunks import StreamedAnswer
from agent_runtime.llm.openai_compatible.response import MalformedReplyError, parsed, reply_of
from tests.helpers.model_clients import ask, client_of, streamed
from tests.helpers.model_server import STREAM_HEAD, chunked, head, raw, serving

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=3)


def shaped(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return objects that have the fields of a completion, right or wrong, or something else."""
    return st.fixed_dictionaries({}, optional={name: values | JSON for name, values in fields.items()}) | JSON


FUNCTION = shaped(name=st.text(), arguments=st.text() | st.dictionaries(st.text(), SCALARS))
CALL = shaped(id=st.text(), index=st.integers(), type=st.just("function"), function=FUNCTION)
PART = shaped(type=st.just("text"), text=st.text())
MESSAGE = shaped(
    content=st.text() | st.lists(PART, max_size=2), tool_calls=st.lists(CALL, max_size=3), refusal=st.text()
)
CHOICE = shaped(message=MESSAGE, delta=MESSAGE, finish_reason=st.just("stop"))
USAGE = shaped(prompt_tokens=st.integers(), completion_tokens=JSON, prompt_tokens_details=JSON)
BODY = shaped(choices=st.lists(CHOICE, max_size=2), usage=USAGE, id=st.text(), model=st.text(), error=JSON)


def well_formed(reply: Mapping[str, Any]) -> None:
    """Hold a reply to the wire form: what steps may rely on."""
    assert reply["content"] is None or isinstance(reply["content"], str)
    json.dumps(reply).encode()
    str(reply["content"]).encode()
    for call in reply.get("tool_calls", ()):
        assert call["type"] == "function"
        assert isinstance(call["id"], str)
        assert call["id"]
        assert call["function"]["name"]
        assert isinstance(call["function"]["arguments"], str)
    for count in reply.get("usage", {}).values():
        assert count >= 0


def streamed_reply(body: Mapping[str, object]) -> Mapping[str, object]:
    answer = StreamedAnswer()
    answer.add(body)
    answer.add(body)
    return answer.reply()


@pytest.mark.parametrize("read", [reply_of, streamed_reply], ids=["whole", "streamed"])
@given(body=BODY)
def test_any_json_is_a_reply_in_the_wire_form_or_malformed(
    read: Callable[[Mapping[str, object]], Mapping[str, object]], body: object
) -> None:
    try:
        reply = read(parsed(json.dumps(body).encode()))
    except MalformedReplyError:
        return
    well_formed(reply)


@given(st.binary(max_size=300), st.booleans(), st.booleans())
def test_any_bytes_end_in_an_error_of_ours(data: bytes, in_a_body: bool, is_streamed: bool) -> None:
    opening = (STREAM_HEAD if is_streamed else head(Transfer_Encoding="chunked")) if in_a_body else b""
    sent = chunked(data) + b"0\r\n\r\n" if in_a_body and data else data
    with (
        serving(raw(opening + sent)) as server,
        client_of(server.url, retries=0) as client,
        pytest.raises(LLMServiceError),
    ):
        (streamed if is_streamed else ask)(client)
