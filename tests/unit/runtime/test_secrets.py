"""Secrets: named by workflows, handed to functions and tools, seen nowhere else."""

from __future__ import annotations

import asyncio
import collections
import copy
import logging
import pickle
import threading
from collections.abc import AsyncIterator, Mapping, Sequence

import pytest

from agent_runtime import (
    Executor,
    Options,
    RedactingFilter,
    RunFailed,
    Runtime,
    Secret,
    SecretError,
    StreamEvent,
    TokenReceived,
    WorkflowError,
    load_workflow,
    redact,
    run_workflow,
    run_workflow_async,
    stream_workflow,
)

TOKEN = 's3cr3t/tok"en&x'
ONE_STEP = "steps:\n  - {id: a, tool: send, with: {auth: 'Bearer ${secrets.token}'}}\n"


class Got(list[object]):
    """A tool that keeps what it was given, and echoes it."""

    def __call__(self, auth: object) -> object:
        self.append(auth)
        return auth


def test_tool_is_handed_the_secret_and_nobody_else_sees_it() -> None:
    send = Got()

    result = run_workflow(ONE_STEP, tools={"send": send}, secrets={"token": TOKEN})

    assert send == [f"Bearer {TOKEN}"]
    assert result.outputs == {"a": "Bearer ***"}
    assert TOKEN not in repr(result)


@pytest.mark.parametrize("how", ["Runtime", "Executor", "run_workflow_async", "stream_workflow"])
def test_every_entry_point_takes_secrets(how: str) -> None:
    send, secrets = Got(), {"token": lambda: TOKEN}
    step = {"id": "a", "tool": "send", "with": {"auth": "Bearer ${secrets.token}"}}

    match how:
        case "Runtime":
            Runtime(ONE_STEP, tools={"send": send}, secrets=secrets).run()
        case "Executor":
            Executor([step], tools={"send": send}, secrets=secrets).run()
        case "run_workflow_async":
            asyncio.run(run_workflow_async(ONE_STEP, tools={"send": send}, secrets=secrets))
        case _:
            events = list(stream_workflow(ONE_STEP, tools={"send": send}, secrets=secrets))
            assert TOKEN not in repr(events)

    assert send == [f"Bearer {TOKEN}"]


@pytest.mark.parametrize(
    ("workflow", "message"),
    [
        pytest.param(
            ONE_STEP.replace("secrets.token", "secrets.tokn"),
            "<workflow text>:2:46: step 'a' refers to the secret 'tokn', which is not given to this workflow;"
            " did you mean 'token'?",
            id="unknown",
        ),
        pytest.param(
            ONE_STEP.replace("tool: send", "tool: other"),
            "<workflow text>:2:47: step 'a' gives the secret 'token' to 'other', which is not allowed to have"
            " it; the host can allow it: Secret(..., allow=['other'])",
            id="not_allowed_there",
        ),
        pytest.param(
            ONE_STEP.replace("${secrets.token}", '${secrets.token == "guess"}'),
            "step 'a' looks into the secret 'token', or compares it; a secret can only be handed on as it is:"
            " ${secrets.name}",
            id="compared",
        ),
        pytest.param(
            ONE_STEP.replace("secrets.token", "secrets.token[0]"), "looks into the secret", id="looked_into"
        ),
        pytest.param(
            ONE_STEP.replace("secrets.token", "secrets"), "'secrets' alone is not a value", id="all"
        ),
        pytest.param(
            ONE_STEP + "outputs: {x: '${secrets.token}'}\n",
            "output 'x' refers to 'secrets', which means nothing here; it can be used under 'with' of a step"
            " with 'function' or 'tool'",
            id="output",
        ),
        pytest.param(
            ONE_STEP.replace("tool: send", "tool: send, when: '${secrets.token}'"),
            "which means nothing here",
            id="condition",
        ),
        pytest.param(
            "steps: [{id: a, agent: {messages: [{role: user, content: '${secrets.token}'}]}}]\n",
            "which means nothing here",
            id="language_model",
        ),
        pytest.param(
            "steps: [{id: a, workflow: other, with: {x: '${secrets.token}'}}]\n",
            "which means nothing here",
            id="input_of_a_workflow",
        ),
    ],
)
def test_secret_that_a_workflow_must_not_have_is_an_error_before_the_first_step(
    workflow: str, message: str
) -> None:
    send = Got()

    with pytest.raises(WorkflowError) as caught:
        run_workflow(
            workflow,
            tools={"send": send, "other": send},
            secrets={"token": Secret(TOKEN, allow=["send"])},
            options=Options(workflows={"other": "inputs: {x: string}\n" + ONE_STEP}),
        )

    assert message in str(caught.value)
    assert send == []


def test_workflow_with_secrets_can_be_loaded_by_itself_as_one_with_functions_can() -> None:
    assert load_workflow(ONE_STEP).steps[0].id == "a"


def test_sub_workflow_is_handed_secrets_as_its_caller_is() -> None:
    send = Got()

    result = run_workflow(
        "steps: [{id: outer, workflow: other}]\n",
        tools={"send": send},
        secrets={"token": TOKEN},
        options=Options(workflows={"other": ONE_STEP}),
    )

    assert send == [f"Bearer {TOKEN}"]
    assert result.outputs == {"outer": {"a": "Bearer ***"}}


def test_function_that_fetches_a_secret_is_called_once_a_run_where_def_steps_run() -> None:
    threads: list[int] = []
    two = ONE_STEP + "  - {id: b, tool: send, with: {auth: '${secrets.token}'}}\n"

    def fetch() -> str:
        threads.append(threading.get_ident())
        return f"token-{len(threads)}"

    send = Got()
    runtime = Runtime(two, tools={"send": send}, secrets={"token": fetch})
    runtime.run()
    runtime.run()

    assert threads == [threading.get_ident()] * 2
    assert sorted(map(str, send)) == ["Bearer token-1", "Bearer token-2", "token-1", "token-2"]


def test_secret_that_no_step_refers_to_is_not_fetched() -> None:
    def fetch() -> str:
        raise AssertionError("fetched")

    assert run_workflow(ONE_STEP, tools={"send": Got()}, secrets={"token": TOKEN, "other": fetch}).outputs


def test_exception_of_a_function_that_fetches_comes_out_as_it_is_and_no_step_has_run() -> None:
    send, error = Got(), ConnectionError("vault is sealed")

    def fetch() -> str:
        raise error

    with pytest.raises(ConnectionError) as caught:
        run_workflow(ONE_STEP, tools={"send": send}, secrets={"token": fetch})
    with pytest.raises(ConnectionError) as streamed:
        list(stream_workflow(ONE_STEP, tools={"send": send}, secrets={"token": fetch}))

    assert caught.value is streamed.value is error
    assert send == []


@pytest.mark.parametrize(
    ("secrets", "error"),
    [
        pytest.param({"token": 7}, TypeError, id="number"),
        pytest.param({7: TOKEN}, TypeError, id="number_as_name"),
        pytest.param([TOKEN], TypeError, id="no_mapping"),
        pytest.param({"token": "abc"}, SecretError, id="short"),
        pytest.param({"token": "   a   "}, SecretError, id="blanks"),
        pytest.param({"token": lambda: "abc"}, SecretError, id="short_when_fetched"),
        pytest.param({"token": lambda: None}, SecretError, id="nothing_fetched"),
    ],
)
def test_what_cannot_be_kept_secret_is_refused(secrets: object, error: type[Exception]) -> None:
    with pytest.raises(error, match="secret"):
        run_workflow(ONE_STEP, tools={"send": Got()}, secrets=secrets)  # type: ignore[arg-type]  # the point


def test_names_that_a_secret_is_for_are_a_collection() -> None:
    with pytest.raises(TypeError, match="collection of names"):
        Secret(TOKEN, allow="send")


def test_async_function_that_would_fetch_a_secret_is_refused_at_once() -> None:
    async def fetch() -> str:
        return TOKEN

    with pytest.raises(TypeError, match="by a plain def, not by an async def"):
        Runtime(ONE_STEP, tools={"send": Got()}, secrets={"token": fetch})  # type: ignore[dict-item]  # the point


def test_secret_shows_itself_nowhere() -> None:
    secret = Secret(TOKEN)

    shown = (repr(secret), str(secret), f"{secret}", f"{[secret]}", f"{secret!r:>20}")

    assert not any(TOKEN in text for text in shown)
    assert secret.reveal() == TOKEN
    assert copy.deepcopy(secret) is secret


def fetch_for_pickle() -> str:
    return TOKEN


def test_secret_is_pickled_as_the_function_that_fetches_it_and_never_as_a_value() -> None:
    again = pickle.loads(pickle.dumps(Secret(fetch_for_pickle, allow=["send"])))

    assert (again.reveal(), again.allow) == (TOKEN, {"send"})
    with pytest.raises(TypeError, match=r"give Secret\(function\)"):
        pickle.dumps(Secret(TOKEN))


def test_later_steps_conditions_and_language_models_see_outputs_without_secrets() -> None:
    asked: list[object] = []

    class Client:
        def call_llm(self, **question: object) -> Mapping[str, object]:
            asked.append(question["messages"])
            return {"content": f"your token is {TOKEN}"}

    result = run_workflow(
        "inputs: {who: string}\n" + ONE_STEP + "  - id: b\n"
        "    agent: {messages: [{role: user, content: '${steps.a.output} of ${inputs.who}'}]}\n"
        "  - id: c\n    when: \"${'***' in steps.b.output.content}\"\n"
        "    tool: send\n    with: {auth: '${steps.a.output}'}\n",
        inputs={"who": f"the owner of {TOKEN}"},
        tools={"send": Got()},
        llm=Client(),
        secrets={"token": TOKEN},
    )

    assert asked == [[{"role": "user", "content": "Bearer *** of the owner of ***"}]]
    assert result.outputs["b"] == {"content": "your token is ***"}
    assert result.outputs["c"] == "Bearer ***"


def test_failures_are_told_without_secrets(caplog: pytest.LogCaptureFixture) -> None:
    def send(auth: str) -> str:
        raise ConnectionError(f"refused: {auth}")

    workflow = (
        "steps:\n  - {id: a, tool: send, with: {auth: '${secrets.token}'}, on_error: continue,"
        " retry: {attempts: 2, backoff: 0}}\noutputs: {why: '${steps.a.error.message}'}\n"
    )
    with caplog.at_level(logging.INFO):
        result = run_workflow(workflow, tools={"send": send}, secrets={"token": TOKEN})
        events = list(stream_workflow(workflow, tools={"send": send}, secrets={"token": TOKEN}))

    assert result.outputs == {"why": "refused: ***"}
    assert TOKEN not in repr(result) + repr(events) + caplog.text
    assert "ConnectionError: refused: ***" in caplog.text


def test_exception_that_ends_a_run_is_the_steps_own_and_the_event_about_it_is_blacked_out() -> None:
    error = ConnectionError(f"refused: {TOKEN}")

    def send(auth: str) -> str:
        raise error

    seen: list[StreamEvent] = []
    events = stream_workflow(ONE_STEP, tools={"send": send}, secrets={"token": TOKEN})
    with pytest.raises(ConnectionError) as caught:
        collections.deque(map(seen.append, events))

    assert caught.value is error
    assert isinstance(seen[-1], RunFailed)
    assert seen[-1].error == "refused: ***"
    assert TOKEN not in repr(seen)


def test_secret_that_a_model_gives_in_pieces_reaches_no_reader() -> None:
    class Client:
        def call_llm(self, **_question: object) -> Mapping[str, object]:
            raise AssertionError

        async def stream_llm(self, **_question: object) -> AsyncIterator[str]:
            for piece in ("it is ", TOKEN[:5], TOKEN[5:9], TOKEN[9:], " or so, s3", "cre"):
                yield piece

    workflow = ONE_STEP + "  - {id: b, agent: {messages: [{role: user, content: hello}]}}\n"
    events = list(stream_workflow(workflow, tools={"send": Got()}, llm=Client(), secrets={"token": TOKEN}))
    texts = [event.text for event in events if isinstance(event, TokenReceived)]

    assert "".join(texts) == "it is *** or so, s3cre"


def test_filter_blacks_out_what_tools_and_other_libraries_log(caplog: pytest.LogCaptureFixture) -> None:
    log = logging.getLogger("somebody.else")
    caplog.handler.addFilter(RedactingFilter())

    def send(auth: str) -> None:
        log.warning("sending %s", auth, extra={"auth": auth})
        log.warning("sending %(auth)s", {"auth": auth}, stack_info=True)
        try:
            raise ValueError(auth)
        except ValueError:
            log.exception("failed")

    run_workflow(ONE_STEP, tools={"send": send}, secrets={"token": TOKEN})

    assert TOKEN not in caplog.text
    assert [record.getMessage() for record in caplog.records] == [
        "sending Bearer ***",
        "sending Bearer ***",
        "failed",
    ]
    assert "ValueError: Bearer ***" in caplog.text
    assert vars(caplog.records[0])["auth"] == "Bearer ***"


def test_redact_knows_the_secrets_of_runs_in_progress_on_any_thread() -> None:
    seen: list[object] = []

    def send(auth: str) -> None:
        thread = threading.Thread(target=lambda: seen.append(redact({"auth": auth})))
        thread.start()
        thread.join()

    run_workflow(ONE_STEP, tools={"send": send}, secrets={"token": TOKEN})

    assert seen == [{"auth": "Bearer ***"}]


def test_what_holds_no_secret_stays_the_very_object() -> None:
    given = [object()]

    result = run_workflow(
        "inputs: {x: any}\nsteps: [{id: a, tool: same, with: {x: '${inputs.x}'}}]\n",
        inputs={"x": given},
        tools={"same": lambda x: x},
        secrets={"token": TOKEN},
    )

    assert result.outputs["a"] is given


def test_steps_at_the_same_time_get_each_their_own_secret() -> None:
    names: Sequence[str] = [f"token{number}" for number in range(20)]
    rows = "".join(f"  - {{id: s{n}, tool: same, with: {{x: '${{secrets.{n}}}'}}}}\n" for n in names)
    got: list[str] = []

    def same(x: str) -> str:
        got.append(x)
        return x

    result = run_workflow(
        "steps:\n" + rows, tools={"same": same}, secrets={name: f"value of {name}." for name in names}
    )

    assert sorted(got) == sorted(f"value of {name}." for name in names)
    assert set(result.outputs.values()) == {"***"}
