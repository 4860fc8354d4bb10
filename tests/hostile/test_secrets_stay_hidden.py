"""Whatever a tool makes of a secret, nothing that the runtime keeps, tells or logs shows it."""

from __future__ import annotations

import base64
import json
import logging
import re
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent_runtime import Options, Runtime, Secret, SQLiteStorage
from agent_runtime.secrets import HIDDEN, Redactor
from agent_runtime.tracing import Recorder

WORKFLOWS = {
    "plain": "steps:\n  - {id: a, tool: leak, with: {key: '${secrets.key}'}}\n",
    "in_text": "steps:\n  - {id: a, tool: leak, with: {key: 'x ${secrets.key} y'}}\n"
    "outputs: {o: '${steps.a.output}'}\n",
    "each": "steps:\n  - {id: a, tool: leak, for_each: [1, 2], with: {key: '${secrets.key}'}}\n",
    "block": "steps:\n  - id: b\n    parallel:\n      - {id: a, tool: leak, with: {key: '${secrets.key}'}}\n",
    "later": "steps:\n  - {id: a, tool: leak, with: {key: '${secrets.key}'}}\n"
    "  - {id: b, tool: echo, with: {value: ['${steps.a.output}', 't: ${steps.a.output}']}}\n",
    "model": "steps:\n  - {id: a, tool: leak, with: {key: '${secrets.key}'}}\n"
    "  - {id: b, agent: {messages: [{role: user, content: 'say ${steps.a.output}'}]}}\n",
    "function": "steps:\n  - {id: a, function: leak, thread: worker, with: {key: '${secrets.key}'}}\n",
    "repeated": "steps:\n  - {id: a, tool: leak, repeat: {max: 2}, with: {key: '${secrets.key}'}}\n",
}
FAILING = {
    "continue": "on_error: continue",
    "retry": "on_error: continue, retry: {attempts: 2, backoff: 0}",
    "fallback": "fallback: {tool: echo, with: {value: '${error.message}'}}",
}


@dataclass(frozen=True)
class Answer:
    """What a tool may return."""

    body: object


class Spoken:
    """Says a text by ``repr()`` alone."""

    def __init__(self, text: object) -> None:
        self.text = text

    def __repr__(self) -> str:
        return f"<Spoken {self.text}>"


def forms(secret: str) -> list[str]:
    """Return texts in which the secret can be read, found out without the code that is tested."""
    data = secret.encode()
    return [
        secret,
        repr(secret)[1:-1],
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        json.dumps(json.dumps(secret))[3:-3],
        quote(secret, safe=""),
        re.sub("%[0-9A-F]{2}", lambda match: match[0].lower(), quote(secret, safe="")),
        quote_plus(secret),
        data.hex(),
        *(
            base64.b64encode(b"user:"[:n] + data).decode()[-(-n * 8 // 6) : (n + len(data)) * 8 // 6]
            for n in range(4)
        ),
        base64.urlsafe_b64encode(data).decode()[: len(data) * 8 // 6],
    ]


SECRETS = st.text(
    alphabet=st.sampled_from("abXY019 _-./+=&?%\"'\\<>:\n\t\u00e9\u4e2d\U0001f600$ {}"),
    min_size=3,
    max_size=30,
).map(lambda text: f"Zq9{text}Kx")


def wrapped(leaf: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    """Values with the secret somewhere in them."""
    return st.recursive(
        leaf,
        lambda inner: st.one_of(
            st.lists(inner, max_size=3),
            st.tuples(inner, inner),
            st.dictionaries(st.sampled_from(["k", "l", "m"]), inner, max_size=3),
            inner.map(Answer),
            inner.map(Spoken),
            inner.map(ValueError),
            inner.filter(lambda value: isinstance(value, str)).map(lambda value: {value: 1}),
            inner.map(lambda value: str(value).encode()),
        ),
        max_leaves=5,
    )


@st.composite
def leaks(draw: st.DrawFn) -> tuple[str, object]:
    secret = draw(SECRETS)
    text = st.tuples(
        st.sampled_from(["", "a ", "Bearer "]), st.sampled_from(forms(secret)), st.sampled_from(["", " z"])
    )
    leaf: st.SearchStrategy[object] = st.one_of(text.map("".join), st.just(1), st.none())
    return secret, draw(wrapped(leaf))


def assert_hidden(secret: str, shown: Mapping[str, str]) -> None:
    for where, text in shown.items():
        found = [form for form in forms(secret) if len(form) >= 4 and form in text]
        assert found == [], f"{found[:1]} of {secret!r} in {where}"


class Model:
    """Answers what it was asked, in one piece or letter by letter."""

    async def call_llm(
        self, *, messages: Iterable[Mapping[str, object]], **_rest: object
    ) -> Mapping[str, object]:
        return {"content": [message["content"] for message in messages][-1]}

    async def stream_llm(
        self, *, messages: Iterable[Mapping[str, object]], **_rest: object
    ) -> AsyncIterator[str]:
        for letter in str([message["content"] for message in messages][-1]):
            yield letter


def everything_shown(
    workflow: str, secret: str, leak: Callable[[str], object], *, kept: bool
) -> dict[str, str]:
    """Run and stream a workflow, kept in a storage or not; return all that is to be seen of it afterwards."""
    log, recorder = Heard(), Recorder(errors=True)
    logging.getLogger("agent_runtime").addHandler(log)
    shown = {}
    try:
        with tempfile.TemporaryDirectory() as folder:
            storage = SQLiteStorage(str(Path(folder, "runs.db")))
            runtime = Runtime(
                workflow,
                tools={"leak": leak, "echo": lambda value: value},
                functions={"leak": leak},
                llm=Model(),
                secrets={"key": Secret(lambda: secret)},
                options=Options(trace=recorder),
                storage=storage if kept else None,
            )
            result = runtime.run()
            events = list(runtime.stream())
            storage.close()
            stored = b"".join(path.read_bytes() for path in Path(folder).iterdir())
        shown["result"] = repr(result)
        shown["outputs as JSON"] = json.dumps(result.outputs, default=str, skipkeys=True)
        shown["events"] = repr(events)
        shown["storage"] = stored.decode("utf-8", "replace")
        shown["trace"] = repr([vars_of(span) for span in recorder.spans])
    finally:
        logging.getLogger("agent_runtime").removeHandler(log)
    shown["log"] = "\n".join(log.texts)
    return shown


def can_be_stored(value: object) -> bool:
    """Whether a storage takes a value: it refuses what JSON does not give back as it was."""
    try:
        return bool(json.loads(json.dumps(value)) == value)
    except (TypeError, ValueError):
        return False


class Heard(logging.Handler):
    """Keeps what is logged, formatted as a handler of the host would."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(self.format(record))


def vars_of(thing: object) -> object:
    """Return what a span holds, its parents aside."""
    names = [name for kind in type(thing).__mro__ for name in getattr(kind, "__slots__", ())]
    fields = {name: getattr(thing, name, None) for name in (*names, *getattr(thing, "__dict__", {}))}
    return {name: str(value) for name, value in fields.items() if name != "parent"}


@pytest.mark.parametrize("workflow", WORKFLOWS.values(), ids=WORKFLOWS)
@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=8)
@given(leak=leaks())
def test_secret_in_what_a_tool_returns_is_seen_nowhere(workflow: str, leak: tuple[str, object]) -> None:
    secret, value = leak

    def tool(key: str) -> object:
        assert secret in key
        return value

    assert_hidden(secret, everything_shown(workflow, secret, tool, kept=can_be_stored(value)))


@pytest.mark.parametrize("policy", FAILING.values(), ids=FAILING)
@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=8)
@given(leak=leaks())
def test_secret_in_what_a_tool_raises_is_seen_nowhere(policy: str, leak: tuple[str, object]) -> None:
    secret, value = leak
    workflow = (
        f"steps:\n  - {{id: a, tool: leak, with: {{key: '${{secrets.key}}'}}, {policy}}}\n"
        "outputs: {why: '${steps.a.error}', all: '${steps.a.errors}', it: '${steps.a.output}'}\n"
    )

    def tool(key: str) -> object:
        error = ValueError(value, key)
        error.add_note(f"with {key}")
        raise error from KeyError(key)

    assert_hidden(secret, everything_shown(workflow, secret, tool, kept=True))


@given(SECRETS, st.text(max_size=20), st.text(max_size=20))
def test_redactor_finds_every_form_wherever_it_stands_and_changes_nothing_else(
    secret: str, before: str, after: str
) -> None:
    redactor = Redactor([secret])

    for form in forms(secret):
        assert redactor.text(f"{before}|{form}|{after}") == f"{before}|{HIDDEN}|{after}"
    assert redactor.text(f"{before}|{after}") == f"{before}|{after}"


@given(SECRETS, st.data())
def test_pieces_of_a_stream_never_show_a_secret_together(secret: str, data: st.DataObject) -> None:
    redactor, told, held = Redactor([secret]), "", ""
    text = f"a {data.draw(st.sampled_from(forms(secret)))} b {secret[:4]}"
    while text:
        size = data.draw(st.integers(1, 8))
        piece, text = text[:size], text[size:]
        held = redactor.text(held + piece)
        count = redactor.held_back(held)
        told, held = told + held[: len(held) - count], held[len(held) - count :]

    # Of a key of several lines, each is hidden by itself; what remains of one may be a short line.
    shown, end = told + held, f" b {secret[:4]}"
    assert shown.startswith(f"a {HIDDEN}")
    assert shown.endswith(end)
    assert_hidden(secret, {"a stream": shown.removesuffix(end)})


def test_values_that_contain_themselves_or_are_very_deep_are_looked_through_in_bounded_time() -> None:
    redactor, around = Redactor(["Zq9-secret"]), ["Zq9-secret"]
    around.append(around)  # type: ignore[arg-type]  # the point
    deep: object = "Zq9-secret"
    for _ in range(10_000):
        deep = [deep]
    shared: object = "Zq9-secret"
    for _ in range(60):
        shared = [shared, shared]

    assert "Zq9" not in repr(redactor.value(around))
    assert "Zq9" not in repr(redactor.value(deep))
    assert redactor.value(shared) is not shared


def test_digits_of_a_secret_are_found_in_numbers() -> None:
    redactor = Redactor(["4711-0815", "13374242"])

    assert redactor.value([13374242, 1337, True, 10**5_000]) == [HIDDEN, 1337, True, 10**5_000]
