"""A `workflow` step runs another workflow: one that the host has registered, or a file where it allows it."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from agent_runtime import (
    Options,
    Runtime,
    ScriptedClient,
    StepEvent,
    StepInputError,
    StepTimeoutError,
    Workflow,
    WorkflowError,
    load_workflow,
    run_workflow,
)

REFUND = """
name: refund
inputs: {order: string, amount: {type: number, default: 5}}
steps:
  - {id: pay, tool: echo, with: {value: "${inputs.order}:${inputs.amount}"}}
outputs: {receipt: "${steps.pay.output}"}
"""
MAIN = """
inputs: {order: any}
steps:
  - {id: refund, workflow: refund, with: {order: "${inputs.order}"}}
outputs: {receipt: "${steps.refund.output.receipt}"}
"""


def echo(value: object) -> object:
    return value


def messages(text: str | Path, options: Options | None = None) -> list[str]:
    with pytest.raises(WorkflowError) as caught:
        Runtime(text, tools={"echo": echo}, options=options or Options())
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize("kind", ["text", "path", "loaded"])
def test_step_runs_a_registered_workflow_and_has_its_outputs(kind: str, tmp_path: Path) -> None:
    file = tmp_path / "refund.yaml"
    file.write_text(REFUND)
    source: Workflow | str | Path = {"text": REFUND, "path": file, "loaded": load_workflow(REFUND)}[kind]  # type: ignore[assignment]  # one of the three

    result = run_workflow(
        MAIN, inputs={"order": "o-1"}, tools={"echo": echo}, options=Options(workflows={"refund": source})
    )

    assert result.outputs == {"receipt": "o-1:5"}


def test_file_is_found_beside_the_one_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "main.yaml").write_text(MAIN.replace("workflow: refund", "workflow: ./parts/middle.yaml"))
    (tmp_path / "parts" / "middle.yaml").write_text(
        "inputs: {order: string}\n"
        'steps: [{id: r, workflow: ../refund.yaml, with: {order: "${inputs.order}"}}]\n'
        'outputs: {receipt: "${steps.r.output.receipt}"}\n'
    )
    (tmp_path / "refund.yaml").write_text(REFUND)

    result = run_workflow(
        tmp_path / "main.yaml",
        inputs={"order": "o-2"},
        tools={"echo": echo},
        options=Options(workflow_folder=tmp_path),
    )

    assert result.outputs == {"receipt": "o-2:5"}


def test_file_that_text_names_is_looked_for_in_the_folder(tmp_path: Path) -> None:
    (tmp_path / "refund.yaml").write_text(REFUND)
    text = MAIN.replace("workflow: refund", "workflow: ./refund.yaml")

    result = run_workflow(
        text, inputs={"order": "o"}, tools={"echo": echo}, options=Options(workflow_folder=tmp_path)
    )

    assert result.outputs == {"receipt": "o:5"}


def test_no_file_is_read_where_no_folder_is_allowed(tmp_path: Path) -> None:
    (tmp_path / "refund.yaml").write_text(REFUND)
    (tmp_path / "main.yaml").write_text(MAIN.replace("workflow: refund", "workflow: ./refund.yaml"))

    (message,) = messages(tmp_path / "main.yaml")

    assert "runs the workflow './refund.yaml', and no folder of workflows is allowed" in message
    assert "main.yaml:4:28: " in message


@pytest.mark.parametrize("way", ["parent", "link", "link_to_folder"])
def test_file_outside_of_the_folder_is_never_read(way: str, tmp_path: Path) -> None:
    allowed, outside = tmp_path / "allowed", tmp_path / "outside"
    allowed.mkdir()
    outside.mkdir()
    (outside / "secret.yaml").write_text("password: hunter2\n")
    names = {"parent": "../outside/secret.yaml", "link": "./link.yaml", "link_to_folder": "./dir/secret.yaml"}
    if way != "parent":
        os.symlink(outside / "secret.yaml", allowed / "link.yaml")
        os.symlink(outside, allowed / "dir")
    (allowed / "main.yaml").write_text(f"steps: [{{id: a, workflow: {names[way]}}}]\n")

    (message,) = messages(allowed / "main.yaml", Options(workflow_folder=allowed))

    assert "lies outside of the folder that is allowed" in message
    assert "hunter2" not in message


@pytest.mark.parametrize("name", ["/etc/passwd", "refund.yaml", "os.path", "~/x"])
def test_what_is_no_relative_path_is_a_name_that_must_be_registered(name: str, tmp_path: Path) -> None:
    (message,) = messages(f"steps: [{{id: a, workflow: {name}}}]\n", Options(workflow_folder=tmp_path))

    assert f"runs the workflow '{name}', which is not registered" in message


def test_mistakes_of_all_files_are_reported_at_once_each_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "main.yaml").write_text(
        "steps:\n  - {id: a, workflow: ./sub.yaml, with: {ordr: 1}}\n"
        "  - {id: b, tool: ecco, with: {value: 1}}\n"
        "  - {id: c, workflow: ./none.yaml}\n"
    )
    (tmp_path / "sub.yaml").write_text(
        "inputs: {order: string}\nsteps:\n  - {id: x, tool: non}\n  - {id: y, tol: 1, function: f}\n"
    )

    found = messages(tmp_path / "main.yaml", Options(workflow_folder=tmp_path))

    assert [line.replace(f"{tmp_path}{os.sep}", "").partition(";")[0] for line in found] == [
        "main.yaml:2:23: step 'a' runs the workflow './sub.yaml', which has no input 'ordr'",
        "main.yaml:2:23: step 'a' runs the workflow './sub.yaml' without its input 'order'",
        "main.yaml:3:19: step 'b' names the tool 'ecco', which is not registered",
        "main.yaml:4:23: step 'c' runs the workflow './none.yaml': there is no such file",
        "sub.yaml:3:19: step 'x' names the tool 'non', which is not registered",
        "sub.yaml:4:13: unknown key 'tol' in step 'y'",
        "sub.yaml:4:31: step 'y' names the function 'f', which is not registered",
    ]


def test_value_written_out_of_a_wrong_type_is_found_before_the_run() -> None:
    text = "steps: [{id: a, workflow: refund, with: {order: 7}}]\n"

    (message,) = messages(text, Options(workflows={"refund": REFUND}))

    assert "whose input 'order' is of the type string" in message


def test_value_of_a_wrong_type_fails_the_step_with_an_error_that_says_so() -> None:
    with pytest.raises(
        StepInputError, match="the input 'order' must be a string, and int was given"
    ) as caught:
        run_workflow(
            MAIN, inputs={"order": 7}, tools={"echo": echo}, options=Options(workflows={"refund": REFUND})
        )

    assert caught.value.step == "refund"
    assert caught.value.problems[0].file == "<workflow refund>"


def test_workflow_that_runs_itself_ends_by_its_own_condition() -> None:
    text = """
inputs: {tree: object}
steps:
  - id: children
    for_each: "${inputs.tree.children}"
    workflow: walk
    with: {tree: "${item}"}
outputs: {name: "${inputs.tree.name}", children: "${steps.children.output}"}
"""
    leaf = {"name": "leaf", "children": []}
    tree = {"name": "root", "children": [leaf, {"name": "inner", "children": [leaf]}]}

    result = run_workflow(text, inputs={"tree": tree}, options=Options(workflows={"walk": text}))

    assert result.outputs == tree


def test_workflow_that_runs_itself_without_end_is_stopped() -> None:
    text = "steps: [{id: again, workflow: again}]\n"

    with pytest.raises(RecursionError, match="runs workflows more than 50 deep"):
        run_workflow(text, options=Options(workflows={"again": text}))


def test_time_limit_of_the_other_workflow_is_kept() -> None:
    async def slow() -> None:
        await asyncio.sleep(60)

    sub = "timeout: 0.05\nsteps: [{id: x, tool: slow}]\n"

    with pytest.raises(StepTimeoutError, match=r"step 'a' took longer than its timeout of 0\.05 s"):
        run_workflow(
            "steps: [{id: a, workflow: sub}]\n", tools={"slow": slow}, options=Options(workflows={"sub": sub})
        )


def test_llm_client_is_told_which_workflow_asks() -> None:
    asked: list[object] = []

    class Client(ScriptedClient):
        async def call_llm(self, **question: object) -> dict[str, object]:  # type: ignore[override]  # looks at one
            asked.append(question["workflow_name"])
            return {"content": "yes"}

    sub = "name: sub\nsteps: [{id: x, agent: {messages: [{role: user, content: hi}]}}]\n"
    run_workflow("steps: [{id: a, workflow: s}]\n", llm=Client(), options=Options(workflows={"s": sub}))

    assert asked == ["sub"]


def test_events_name_the_steps_of_the_other_workflow_by_where_they_run() -> None:
    runtime = Runtime(MAIN, tools={"echo": echo}, options=Options(workflows={"refund": REFUND}))

    steps = [event.step for event in runtime.stream(inputs={"order": "o"}) if isinstance(event, StepEvent)]

    assert steps == ["refund", "refund.pay", "refund.pay", "refund"]


def test_without_options_loading_leaves_names_of_workflows_unchecked() -> None:
    assert load_workflow(MAIN).steps[0].id == "refund"
