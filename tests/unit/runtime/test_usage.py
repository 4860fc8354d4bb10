"""What models were used for, added up over all that a step consists of and over the run; and its cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import pytest

from agent_runtime import Options, Price, RunResult, ScriptedClient, fast, run_workflow

ONE = {"content": "x", "usage": {"input_tokens": 10, "output_tokens": 1}}
ASK = "agent: {config: {model: small}, messages: [{role: user, content: Hi}]}"
PRICES = {"small": Price(input=2.0, output=10.0, cached_input=0.5)}


def run(steps: str, *replies: Any, prices: Mapping[str, Price] | None = None) -> RunResult:
    script = ScriptedClient({"ask": list(replies) or ONE, "ask:fallback": ONE, "other": ONE})
    return run_workflow(f"steps:\n{steps}\n", llm=script, options=Options(prices=prices or {}))


@pytest.mark.parametrize(
    ("steps", "times"),
    [
        pytest.param(f"  - {{id: ask, for_each: [1, 2, 3], {ASK}}}", 3, id="items"),
        pytest.param(f"  - {{id: ask, repeat: {{max: 4}}, {ASK}}}", 4, id="times"),
        pytest.param(f"  - {{id: a, steps: [{{id: ask, {ASK}}}, {{id: other, {ASK}}}]}}", 2, id="block"),
        pytest.param(f"  - {{id: a, for_each: [1, 2], parallel: [{{id: ask, {ASK}}}]}}", 2, id="nested"),
    ],
)
def test_usage_of_a_step_is_that_of_all_it_consists_of(steps: str, times: int) -> None:
    result = run(steps)

    (record,) = result.steps.values()
    assert record.usage == result.usage == {"input_tokens": 10 * times, "output_tokens": times}


def test_usage_of_another_workflow_is_that_of_the_step_that_runs_it() -> None:
    result = run_workflow(
        "steps: [{id: a, workflow: inner}]\n",
        llm=ScriptedClient({"ask": ONE}),
        options=Options(workflows={"inner": f"steps: [{{id: ask, {ASK}}}]\n"}),
    )

    assert result.steps["a"].usage == ONE["usage"]


def test_attempts_that_failed_have_been_used_as_well() -> None:
    wrong = {"content": "no", "usage": {"input_tokens": 5, "output_tokens": 5}}
    agent = "agent: {output: {fields: {n: integer}, repairs: 0}, messages: [{role: user, content: Hi}]}"

    result = run(f"  - {{id: ask, retry: {{attempts: 2}}, {agent}}}", wrong, {**ONE, "content": '{"n": 1}'})

    assert result.usage == {"input_tokens": 15, "output_tokens": 6}


def test_usage_of_a_step_that_failed_and_of_its_fallback_counts() -> None:
    wrong = {"content": "no", "usage": {"input_tokens": 5, "output_tokens": 5}}
    agent = "agent: {output: {fields: {n: integer}, repairs: 0}, messages: [{role: user, content: Hi}]}"

    result = run(f"  - {{id: ask, {agent}, fallback: {{{ASK}}}}}", wrong)

    assert result.usage == {"input_tokens": 15, "output_tokens": 6}


def test_run_without_models_has_used_nothing() -> None:
    assert run_workflow("steps: [{id: a, tool: t}]\n", tools={"t": lambda: 1}).usage == {}


def test_cost_is_that_of_the_tokens_by_a_million() -> None:
    result = run(f"  - {{id: ask, {ASK}}}\n  - {{id: other, {ASK}}}", prices=PRICES)

    assert result.usage["cost"] == pytest.approx(2 * (10 * 2.0 + 1 * 10.0) / 1e6)
    assert cast("Any", result.steps["ask"].usage)["cost"] == pytest.approx(30e-6)


def test_cached_tokens_have_a_price_of_their_own() -> None:
    usage = {"input_tokens": 1_000_000, "output_tokens": 0, "cached_input_tokens": 400_000}

    assert PRICES["small"].of(usage) == pytest.approx(0.6 * 2.0 + 0.4 * 0.5)
    assert Price(2.0, 10.0).of(usage) == pytest.approx(2.0)


def test_model_that_the_reply_names_counts_before_that_of_the_file() -> None:
    result = run(
        f"  - {{id: ask, {ASK}}}", {**ONE, "model": "large"}, prices={**PRICES, "large": Price(4, 20)}
    )

    assert result.usage["cost"] == pytest.approx(60e-6)


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param({**ONE, "usage": {"output_tokens": 3}}, id="no_count"),
        pytest.param({**ONE, "usage": {"input_tokens": "many", "output_tokens": 3}}, id="no_number"),
    ],
)
def test_cost_that_is_not_known_of_a_part_is_not_known_of_the_whole(reply: Mapping[str, object]) -> None:
    result = run(f"  - {{id: ask, {ASK}}}\n  - {{id: other, {ASK}}}", reply, prices=PRICES)

    assert result.usage["cost"] is None


def test_model_without_a_price_has_a_cost_that_is_not_known() -> None:
    result = run(f"  - {{id: ask, {ASK}}}", prices={"large": Price(1, 1)})

    assert cast("Any", result.steps["ask"].usage) == {"input_tokens": 10, "output_tokens": 1, "cost": None}


def test_cost_of_a_reply_that_says_nothing_of_usage_is_not_known() -> None:
    class Silent:
        @fast
        def call_llm(self, task_id: str, **_: object) -> Mapping[str, object]:
            return ONE if task_id == "step_other" else {"content": "x"}

    steps = f"steps:\n  - {{id: ask, {ASK}}}\n  - {{id: other, {ASK}}}\n"

    result = run_workflow(steps, llm=Silent(), options=Options(prices=PRICES))

    assert result.usage == {"input_tokens": 10, "output_tokens": 1, "cost": None}
    assert result.steps["ask"].usage == {"cost": None}


def test_prices_are_prices() -> None:
    with pytest.raises(TypeError, match=r"prices={'small': ...} is tuple, and must be a Price"):
        Options(prices=cast("Any", {"small": (1, 2)}))
