"""Workflows of a few lines that would fill the memory while they run."""

from __future__ import annotations

import pytest

from agent_runtime import Options, ReferenceValueError, run_workflow

TWICE = "inputs: {x: any}\nsteps: [{id: n, function: n}]\noutputs: {a: '${inputs.x}', b: '${inputs.x}'}\n"
"""A workflow whose output has its input twice."""


def run(workflow: str, x: object = None) -> object:
    return run_workflow(
        "inputs: {x: any}\n" + workflow,
        inputs={"x": x},
        functions={"n": lambda: None, "take": lambda x: len(str(x))},
        options=Options(workflows={"twice": TWICE}),
    ).outputs


def test_text_that_repeats_a_long_value_is_refused_before_it_fills_the_memory() -> None:
    workflow = "steps: [{id: a, function: take, with: {x: '" + "${inputs.x}" * 1_000 + "'}}]\n"

    assert run(workflow, "y" * 100) == {"a": 100_000}
    with pytest.raises(ReferenceValueError, match="the text would have more than 10000000 characters"):
        run(workflow, "y" * 1_000_000)


def test_value_that_doubles_with_each_step_is_not_written_out() -> None:
    doubling = "steps:\n  - {id: s0, function: n}\n" + "".join(
        f"  - {{id: s{n}, workflow: twice, with: {{x: '${{steps.s{n - 1}.output}}'}}}}\n"
        for n in range(1, 41)
    )

    with pytest.raises(ReferenceValueError, match="as text it would have more than 10000000 characters"):
        run(doubling + "outputs: {x: 'is ${steps.s40.output}'}\n")


def test_list_of_any_length_is_not_walked_through() -> None:
    with pytest.raises(ReferenceValueError, match="has 1000000000000 items, and 1000000 is the most"):
        run("steps: [{id: a, for_each: '${inputs.x}', function: n}]\n", range(10**12))


def test_reference_that_leads_nowhere_among_long_keys_is_told_in_few_words() -> None:
    with pytest.raises(ReferenceValueError) as caught:
        run(
            "steps: [{id: a, function: take, with: {x: '${inputs.x.missing}'}}]\n",
            {f"\x1b[31m{'k' * 100_000}{number}": 1 for number in range(200)},
        )

    assert len(str(caught.value)) < 2_000
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "key", ["__class__", "__dict__", "__init__", "__globals__", "format", "keys", "real"]
)
def test_reference_looks_at_no_attribute_of_any_value(key: str) -> None:
    class Value:
        secret = "attribute"

    for value in (Value(), Value, "text", 1, [1], {"a": 1}, len):
        with pytest.raises(ReferenceValueError, match=key):
            run(f"steps: [{{id: a, function: take, with: {{x: '${{inputs.x.{key}}}'}}}}]\n", value)


def test_text_in_other_template_languages_stays_as_it_is() -> None:
    text = "{x.__class__} %(x)s {{ x }} $x `id` $(id) {0!r:>99999999}"

    outputs = run_workflow(
        "steps: [{id: a, function: same, with: {x: '" + text + "'}}]\n", functions={"same": lambda x: x}
    ).outputs

    assert outputs == {"a": text}
