"""Valid workflows with a few words changed: nothing but the project's own error comes out, with a place."""

from __future__ import annotations

import re
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from agent_runtime import Executor, Problem, WorkflowError, load_workflow
from agent_runtime.loading.keys import ACTIONS, KEYS
from tests.helpers.snippets import snippets_of

ROOT = Path(__file__).parents[2]
VALID = [
    each.code
    for page in ("workflow-format", "security", "agents")
    for each in snippets_of(ROOT / "docs" / f"{page}.md")
    if each.language == "yaml"
] + [path.read_text(encoding="utf-8") for path in sorted((ROOT / "examples").glob("*.yaml"))]

WORDS = re.compile(r"\$\{|[A-Za-z_]\w*|\d+|\s+|.", re.DOTALL)

STRANGE = st.one_of(
    st.sampled_from(sorted({key for table in (*KEYS.values(), *ACTIONS.values()) for key in table})),
    st.sampled_from(["${", "}", "${inputs.a}", "${steps.a.output}", "${secrets.a}", "${item}", "${output}"]),
    st.sampled_from(
        ["&a", "*a", "!!set", "!x", "<<", "---", "...", "%", "|", ">", "? ", "- ", ": ", "#", "@", "`"]
    ),
    st.sampled_from(["[", "]", "{", "}", ",", "'", '"', "\n", "\n  ", "\n      ", "\t", "\r", "\r\n"]),
    st.sampled_from(
        ["null", "~", "true", "-1", "0", "1e999", ".nan", ".inf", "9" * 401, "0x10", "1:30", "''"]
    ),
    st.text(max_size=4),
)


@st.composite
def mutants(draw: st.DrawFn) -> str:
    words = WORDS.findall(draw(st.sampled_from(VALID)))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(words) - 1))
        match draw(st.sampled_from(["put", "insert", "leave out", "double", "swap"])):
            case "put":
                words[place] = draw(STRANGE)
            case "insert":
                words.insert(place, draw(STRANGE))
            case "leave out":
                del words[place]
            case "double":
                words[place:place] = words[place : place + draw(st.integers(1, 12))]
            case _:
                other = draw(st.integers(0, len(words) - 1))
                words[place], words[other] = words[other], words[place]
    return "".join(words) + "\n"


@given(mutants())
def test_changed_workflow_loads_or_ends_in_mistakes_with_places(text: str) -> None:
    try:
        load_workflow(text)
    except WorkflowError as error:
        problems = error.problems
    else:
        return

    assert problems
    assert all(problem.line and problem.column and str(problem).isprintable() for problem in problems)
    lines = len(re.split("\r\n|\r|\n", text))
    assert all((problem.line or 0) <= lines for problem in problems)


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), STRANGE, st.binary(max_size=2)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(STRANGE, st.integers()), inner, max_size=4),
    ),
    max_leaves=8,
)


@given(st.lists(st.dictionaries(STRANGE, JSON, max_size=5), min_size=1, max_size=3))
def test_steps_given_as_any_data_run_or_end_in_mistakes(steps: list[dict[str, object]]) -> None:
    problems: tuple[Problem, ...] = ()
    try:
        Executor([{"id": f"s{number}", **step} for number, step in enumerate(steps)])
    except WorkflowError as error:
        problems = error.problems

    assert all(str(problem).isprintable() for problem in problems)
