"""Prompts by scenario and version: where they come from, what they see, and what is said of mistakes."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from agent_runtime import (
    Options,
    PromptRegistry,
    ReferenceValueError,
    RunResult,
    Runtime,
    StepInputError,
    WorkflowError,
    run_workflow,
)
from tests.helpers.agents import Recorded

SUPPORT = """
inputs: {name: {type: any, default: Ada}}
steps:
  - id: ask
    agent:
      scenario: support
      version: 2
      with: {customer: "${inputs.name}"}
"""
HELP = "You help ${inputs.customer}."
REGISTRY = PromptRegistry({"support": {"1": "Help!", "2": HELP}, "sales": {"1": "Sell!"}})


def asked(
    text: str = SUPPORT, prompts: PromptRegistry | None = REGISTRY, **inputs: object
) -> Mapping[str, Any]:
    client = Recorded("ok")
    run_workflow(text, inputs=inputs, llm=client, options=Options(prompts=prompts))
    return client.asked[0]


def mistakes(text: str, prompts: PromptRegistry | None = REGISTRY) -> list[str]:
    with pytest.raises(WorkflowError) as caught:
        Runtime(text, options=Options(prompts=prompts))
    return [str(problem) for problem in caught.value.problems]


def folder(root: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return root


def test_text_becomes_a_system_message_with_its_inputs_filled_in() -> None:
    question = asked()

    assert question["messages"] == [{"role": "system", "content": "You help Ada."}]
    assert (question["prompt_template"], question["template_version"]) == ("support", "2")


def test_messages_of_the_step_follow_those_of_the_prompt() -> None:
    question = asked(SUPPORT + "      messages: [{role: user, content: 'I am ${inputs.name}'}]\n")

    assert [message["content"] for message in question["messages"]] == ["You help Ada.", "I am Ada"]


def test_prompt_may_be_a_list_of_messages() -> None:
    messages = [
        {"role": "system", "content": "Help."},
        {"role": "user", "content": "${inputs.customer}"},
    ]

    assert asked(prompts=PromptRegistry({"support": {"2": messages}}))["messages"] == [
        {"role": "system", "content": "Help."},
        {"role": "user", "content": "Ada"},
    ]


def test_version_may_be_left_out_where_there_is_one() -> None:
    text = "steps: [{id: ask, agent: {scenario: sales}}]\n"

    assert asked(text)["template_version"] == "1"


def test_without_a_registry_scenario_and_version_are_for_the_client_alone() -> None:
    text = "steps: [{id: ask, agent: {scenario: any, version: 9, messages: [{role: user, content: Hi}]}}]\n"

    question = asked(text, None)

    assert (question["prompt_template"], question["template_version"]) == ("any", "9")


def test_folder_holds_prompts_as_yaml_and_as_text(tmp_path: Path) -> None:
    prompts = PromptRegistry.from_folder(
        folder(
            tmp_path,
            {
                "support/1.md": HELP,
                "support/2.yaml": "inputs: {customer: string, tone: {default: kind}}\n"
                "messages: [{role: system, content: 'Help ${inputs.customer}, be ${inputs.tone}'}]\n",
                "support/.draft.md": "no",
                "sales/1.txt": "Sell!",
                "README.md": "about",
            },
        )
    )

    assert prompts.scenarios() == ["sales", "support"]
    assert prompts.versions("support") == ["1", "2"]
    assert asked(prompts=prompts)["messages"][0]["content"] == "Help Ada, be kind"
    assert asked(SUPPORT.replace("2", "1"), prompts)["messages"][0]["content"] == "You help Ada."


def test_unknown_version_is_a_mistake_with_its_place_and_what_there_is() -> None:
    (mistake,) = mistakes(SUPPORT.replace("version: 2", "version: 3"))

    assert mistake == (
        "<workflow text>:7:16: the agent in step 'ask' names version '3' of the prompt 'support',"
        " which there is not; there are '1', '2'"
    )


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        pytest.param(
            "support", "suport", "7:17: the agent in step 'ask' names the prompt 'suport'", id="misspelt"
        ),
        pytest.param("suppor", "zzz", "which is not registered; there are 'support', 'sales'", id="unknown"),
        pytest.param("version: 2", "max_turns: 2", "add 'version': there are '1', '2'", id="no_version"),
        pytest.param("customer", "custmer", "gives 'custmer' to version '2' of the prompt", id="argument"),
        pytest.param("with: {", "concurrency: 3 #", "without its input 'customer'", id="missing"),
        pytest.param("customer:", "'': 1, customer:", "gives '' to version '2'", id="empty_name"),
    ],
)
def test_mistake_of_a_step_is_named_before_the_first_step(before: str, after: str, message: str) -> None:
    text = SUPPORT.replace("\n  - id: ask", "\n  - {id: first, tool: never}\n  - id: ask").replace(
        before, after
    )

    with pytest.raises(WorkflowError) as caught:
        run_workflow(text, tools={"never": lambda: pytest.fail("ran")}, options=Options(prompts=REGISTRY))

    assert message in str(caught.value)


def test_agent_without_messages_and_without_prompts_is_a_mistake() -> None:
    (mistake,) = mistakes("steps: [{id: ask, agent: {scenario: support}}]\n", None)

    assert mistake.endswith(
        "the agent in step 'ask' has no 'messages', and the host has given no prompts;"
        " pass Options(prompts=...), or add 'messages: ...'"
    )


@pytest.mark.parametrize(
    ("prompt", "place", "message"),
    [
        pytest.param("a\nb ${steps.x.output}", "2:3", "a prompt sees nothing but its inputs", id="root"),
        pytest.param("a\n\n ${inputs.}", "3:", "wrong reference", id="syntax"),
        pytest.param("${inputs.a", "1:", "is not closed", id="open"),
    ],
)
def test_mistake_in_a_prompt_is_named_with_its_own_file_and_line(
    tmp_path: Path, prompt: str, place: str, message: str
) -> None:
    prompts = PromptRegistry.from_folder(folder(tmp_path, {"support/2.md": prompt}))

    mistake = mistakes(SUPPORT.replace("with: {", "memory: {name: c} #"), prompts)[-1]

    assert mistake.startswith(f"{tmp_path / 'support' / '2.md'}:{place}")
    assert message in mistake


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(
            "inputs: {c: string}\nmessages: [{role: user, content: '${inputs.customer}'}]\n", "declare"
        ),
        pytest.param("mesages: []\n", "unknown key 'mesages'"),
        pytest.param("", "the file is empty"),
        pytest.param("messages: [\n", "2:1"),
    ],
)
def test_mistake_in_a_yaml_prompt_is_named(tmp_path: Path, text: str, message: str) -> None:
    prompts = PromptRegistry.from_folder(folder(tmp_path, {"support/2.yaml": text}))

    assert message in "\n".join(mistakes(SUPPORT, prompts))


def test_value_that_a_prompt_does_not_take_fails_the_step_before_the_model_is_asked(tmp_path: Path) -> None:
    text = "inputs: {customer: string}\nmessages: [{role: user, content: '${inputs.customer}'}]\n"
    prompts = PromptRegistry.from_folder(folder(tmp_path, {"support/2.yaml": text}))

    with pytest.raises(StepInputError, match="the input 'customer' must be a string, and int was given"):
        asked(SUPPORT, prompts, name=3)


def test_reference_that_leads_nowhere_in_a_prompt_names_its_place() -> None:
    prompts = PromptRegistry({"support": {"2": "Hi! ${inputs.customer.name}"}})

    with pytest.raises(ReferenceValueError, match="<prompt support 2>:1:5: "):
        asked(prompts=prompts, name={"id": 3})


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "support/../../secret", ".", ""])
def test_no_name_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    folder(tmp_path, {"secret/1.md": "no", "prompts/support/1.md": "Help"})
    prompts = PromptRegistry.from_folder(tmp_path / "prompts")

    (mistake, *_) = mistakes(f"steps: [{{id: ask, agent: {{scenario: '{name}', version: 1}}}}]\n", prompts)

    assert "which is not registered" in mistake


def test_link_that_leads_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    folder(tmp_path, {"secret.md": "no", "prompts/support/1.md": "Help"})
    (tmp_path / "prompts" / "support" / "2.md").symlink_to(tmp_path / "secret.md")

    with pytest.raises(ValueError, match="leads out of"):
        PromptRegistry.from_folder(tmp_path / "prompts")


def test_two_files_of_one_version_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"1\.txt is a second file of version '1' of the prompt 'support'"):
        PromptRegistry.from_folder(folder(tmp_path, {"support/1.md": "a", "support/1.txt": "b"}))


def test_folder_that_there_is_not_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        PromptRegistry.from_folder(tmp_path / "prompts")


@pytest.mark.parametrize("given", [{"a": "b"}, {"a": {1: "b"}}, {"a": {"1": {}}}, {"a": {"1": 3}}, ["a"]])
def test_what_is_no_mapping_of_prompts_is_refused(given: object) -> None:
    with pytest.raises(TypeError):
        PromptRegistry(cast("Any", given))


def test_options_take_a_registry_and_nothing_else() -> None:
    with pytest.raises(TypeError, match="prompts= is a PromptRegistry, not dict"):
        Options(prompts=cast("Any", {"a": {"1": "b"}}))


def test_registry_can_be_sent_to_another_process(tmp_path: Path) -> None:
    prompts = PromptRegistry.from_folder(folder(tmp_path, {"support/2.md": HELP}))

    again = pickle.loads(pickle.dumps(prompts))

    assert asked(prompts=again)["messages"][0]["content"] == "You help Ada."


def test_prompt_is_filled_in_anew_for_each_item() -> None:
    text = """
steps:
  - id: ask
    for_each: [Ada, Bob]
    agent: {scenario: support, version: 2, with: {customer: "${item}"}}
"""
    result: RunResult = run_workflow(text, options=Options(prompts=REGISTRY))

    outputs = cast("list[Mapping[str, object]]", result.outputs["ask"])
    assert [output["content"] for output in outputs] == ["You help Ada.", "You help Bob."]
