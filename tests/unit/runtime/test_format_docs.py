"""Every example of the page on the workflow file runs, and does what the page says."""

from __future__ import annotations

import re
import runpy
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent_runtime import RunResult, ScriptedClient, WorkflowError, load_workflow, run_workflow
from agent_runtime.expressions import parse_expression

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "workflow-format.md").read_text(encoding="utf-8")
EXAMPLES: list[str] = re.findall(r"^```yaml tested\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)

ORDER: dict[str, object] = {
    "id": "o-1",
    "paid": False,
    "customer": "",
    "lines": [{"amount": 12}, {"unit price": 3}],
}


def broken() -> None:
    raise OSError("no connection")


def fetch(url: str) -> str:
    if url == "bad":
        raise OSError("no connection")
    return f"page of {url}"


OTHERS: dict[str, Callable[..., object]] = {
    "broken": broken,
    "fetch": fetch,
    "draft": lambda before: before + "x",
    "review": lambda draft: {"ok": len(draft) == 3},
}


def example_with(mark: str) -> str:
    (text,) = [example for example in EXAMPLES if mark in example]
    return text


def run(mark: str, **inputs: object) -> RunResult:
    tries: Iterator[int] = iter(range(10))

    def fails_twice() -> str:
        if next(tries) < 2:
            raise OSError("not yet")
        return "done"

    return run_workflow(
        example_with(mark),
        inputs=inputs,
        functions={"choose_queue": lambda label, urgent: f"{label}-{urgent}"},
        tools={
            "crm.find": lambda text: {"plan": "gold"},
            "echo": lambda value: value,
            "fails_twice": fails_twice,
            **OTHERS,
        },
        llm=ScriptedClient({"classify": "billing", "ask": "42"}),
    )


def test_whole_file_runs() -> None:
    assert run("triage-v2", ticket="twice charged").outputs == {"queue": "billing-False"}


def test_inputs_example_fills_in_default_and_null() -> None:
    assert run("limit: {type", ticket="t").outputs["show"] == ["t", 3, None]


def test_order_example_merges() -> None:
    assert run("id: merge").outputs["merge"] == "1+2"


def test_agent_example_answers() -> None:
    assert run("6 times 7").outputs == {"answer": "42"}


@pytest.mark.parametrize(
    ("language", "greeting", "shout"),
    [
        pytest.param("de", "hallo", "succeeded", id="one_branch"),
        pytest.param("en", "hello", "skipped", id="the_other"),
        pytest.param("fr", "?", "skipped", id="none"),
    ],
)
def test_condition_example_takes_a_branch(language: str, greeting: str, shout: str) -> None:
    assert run("id: german", language=language).outputs == {"greeting": greeting, "shout": shout}


def test_retry_example_succeeds_at_the_third_attempt() -> None:
    assert run("fails_twice").steps["flaky"].attempts == 3


def test_reference_example_has_the_values_it_seems_to_have() -> None:
    assert run("unit price", order=ORDER).outputs["show"] == {
        "number": 12,
        "last": 3,
        "text": 'order o-1: [{"amount": 12}, {"unit price": 3}]',
        "large": True,
        "who": "nobody",
        "literal": "${not a reference}",
    }


def test_block_example_gives_one_mapping() -> None:
    assert run("id: checks", order="o-1").outputs["checks"] == {
        "stock": "stock of o-1",
        "fraud": "fraud of o-1",
        "price": {"list": 100, "discount": "100-5"},
    }


def test_items_example_goes_on_after_an_item_that_fails() -> None:
    assert run("id: fetch", urls=["a", "bad", "c"]).outputs == {
        "pages": ["page of a", None, "page of c"],
        "failed": [{"type": "OSError", "message": "no connection", "item": 1}],
    }


def test_repetition_example_ends_when_the_review_is_content() -> None:
    assert run("id: refine").outputs == {"draft": "xxx"}


def test_failure_example_has_a_price_and_news_of_a_sort() -> None:
    assert run("id: news").outputs == {"price": "cached, because of OSError", "news": "no connection"}


def test_compensation_example_refunds() -> None:
    refunded: list[str] = []
    tools: dict[str, Callable[..., object]] = {
        "charge": lambda amount: f"receipt of {amount}",
        "refund": lambda receipt, why: refunded.append(f"{receipt}, {why}"),
        "broken": broken,
    }

    with pytest.raises(OSError, match="no connection"):
        run_workflow(example_with("id: charge"), tools=tools)

    assert refunded == ["receipt of 10, no connection"]


def test_schema_example_holds_what_goes_in_and_what_comes_out() -> None:
    assert run("output_types", order={"lines": [1.5]}).outputs == {"first": 1.5}
    with pytest.raises(WorkflowError, match="does not fit its schema"):
        run("output_types", order={"lines": []})


def test_every_yaml_example_has_a_test() -> None:
    assert len(EXAMPLES) == 13


def test_grammar_on_the_page_is_the_one_in_the_code() -> None:
    module = __import__("agent_runtime.expressions.parse", fromlist=["parse_expression"])
    (written,) = re.findall(r"^```\n(expression.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)

    def rules(text: str) -> list[str]:
        return [re.sub(r"\s+", " ", line.strip()) for line in text.splitlines() if " = " in line]

    assert rules(written) == rules(module.__doc__ or "")
    assert parse_expression("inputs.a") == parse_expression(" inputs.a ")


def test_mistakes_look_as_on_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("triage.yaml").write_text(
        "steps:\n  - id: lookup\n    tol: x\n    tool: t\n  - {id: classify, tool: t}\n"
        "  - id: route\n    with: {label: '${steps.clasify.output}'}\n    tool: t\n"
    )
    shown = re.findall(r"^```text\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)[-1]

    with pytest.raises(WorkflowError) as caught:
        load_workflow("triage.yaml")

    assert str(caught.value).splitlines() == shown.splitlines()


@pytest.mark.parametrize("script", sorted((ROOT / "examples").glob("*.py")), ids=lambda path: path.stem)
def test_example_script_runs(script: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(script), run_name="__main__")

    assert capsys.readouterr().out.strip()
