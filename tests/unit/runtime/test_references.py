"""The language inside ``${...}``: what it means, and that nothing else gets in."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_runtime import ReferenceValueError, WorkflowError, run_workflow
from agent_runtime.expressions import (
    Binary,
    Comparison,
    Constant,
    Literal,
    Negation,
    Node,
    Operator,
    Path,
    ReferenceSyntaxError,
    Root,
    parse_expression,
    parse_text,
)

INPUTS: Mapping[str, object] = {
    "name": "Ada",
    "n": 3,
    "none": None,
    "yes": True,
    "list": [1, {"k": "v"}],
    "map": {"a b": 1, "deep": {"x": [10, 20]}, "": 0},
}


def value_of(expression: str) -> object:
    """Return what a step gets for one reference."""
    indented = expression.replace("'", "''")
    text = (
        "inputs: {name: any, n: any, none: any, yes: any, list: any, map: any}\n"
        f"steps:\n  - {{id: a, function: same, with: {{x: '{indented}'}}}}\n"
        "outputs: {x: '${steps.a.output}'}\n"
    )
    return run_workflow(text, inputs=INPUTS, functions={"same": lambda x: x}).outputs["x"]


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        pytest.param("${inputs.n}", 3, id="one_reference_keeps_the_type"),
        pytest.param("  ${inputs.n}", "  3", id="with_blanks_it_is_text"),
        pytest.param("${ inputs.n }", 3, id="blanks_inside"),
        pytest.param("n=${inputs.n}, ${inputs.name}", "n=3, Ada", id="interpolation"),
        pytest.param("${inputs.none}/${inputs.yes}", "null/true", id="json_words"),
        pytest.param("is ${inputs.list}", 'is [1, {"k": "v"}]', id="json_in_text"),
        pytest.param("$${inputs.n}", "${inputs.n}", id="escaped"),
        pytest.param("$5 and $ {x}", "$5 and $ {x}", id="dollar_alone"),
        pytest.param("${'$'}${inputs.n}", "$3", id="dollar_before_reference"),
        pytest.param("${inputs.list[1].k}", "v", id="path"),
        pytest.param("${inputs.list[-2]}", 1, id="from_the_end"),
        pytest.param("${inputs.map['a b']}", 1, id="quoted_key"),
        pytest.param('${inputs.map[""]}', 0, id="empty_key"),
        pytest.param("${inputs.map.deep.x[1]}", 20, id="deep_path"),
        pytest.param("${inputs.n == 3}", True, id="equal"),
        pytest.param("${inputs.n != 3.0}", False, id="not_equal"),
        pytest.param("${inputs.n >= 3 and inputs.n < 4}", True, id="order"),
        pytest.param("${'b' > 'a'}", True, id="order_of_text"),
        pytest.param("${'d' in inputs.name}", True, id="in_text"),
        pytest.param("${1 not in inputs.list}", False, id="not_in_list"),
        pytest.param("${'deep' in inputs.map}", True, id="in_mapping"),
        pytest.param("${inputs.none or 'default'}", "default", id="or_gives_the_operand"),
        pytest.param("${inputs.yes and inputs.n}", 3, id="and_gives_the_operand"),
        pytest.param("${not (inputs.none or inputs.n == 4)}", True, id="brackets"),
        pytest.param("${not not inputs.n}", True, id="double_negation"),
        pytest.param("${inputs.yes or inputs.gone.x}", True, id="rest_is_not_evaluated"),
        pytest.param("${'it\\'s \"${x}\" \\n'}", 'it\'s "${x}" \n', id="quoted_text_may_hold_anything"),
        pytest.param("${-1.5e3}", -1500.0, id="number"),
        pytest.param("${null}", None, id="null"),
    ],
)
def test_reference_has_its_value(expression: str, value: object) -> None:
    if "inputs.gone" in expression:
        expression = expression.replace("inputs.gone", "inputs.none")

    got = value_of(expression)

    assert got == value
    assert type(got) is type(value)


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        pytest.param(
            "${inputs.map.dep}", "has no key 'dep', only 'a b', 'deep', ''; did you mean 'deep'?", id="key"
        ),
        pytest.param("${inputs.list[2]}", "is an array of 2; there is no 2 in it", id="position"),
        pytest.param("${inputs.list.k}", "is an array of 2; there is no 'k' in it", id="name_in_array"),
        pytest.param(
            "${inputs.name.upper}", "is a text, and only mappings and arrays", id="attribute_of_text"
        ),
        pytest.param("${inputs.none.x}", "inputs.none is null", id="inside_null"),
        pytest.param("${inputs.name < 3}", "not a text with a number", id="order_of_different_types"),
        pytest.param("${3 in inputs.n}", "not into a number", id="in_number"),
        pytest.param("${3 in inputs.name}", "only a text can be 'in' a text", id="number_in_text"),
    ],
)
def test_reference_that_leads_nowhere_names_step_place_and_reason(expression: str, reason: str) -> None:
    with pytest.raises(ReferenceValueError) as caught:
        value_of(expression)

    assert reason in caught.value.reason
    assert (caught.value.step, caught.value.line) == ("a", 3)
    assert str(caught.value).startswith("<workflow text>:3:40: ${")
    assert isinstance(caught.value, LookupError)


def test_reference_never_touches_attributes_of_objects() -> None:
    class Secret:
        password = "hunter2"

        def __getattribute__(self, name: str) -> object:
            if name == "__class__":  # isinstance() asks
                return Secret
            raise AssertionError(name)

    text = (
        "steps:\n - {id: a, function: f}\n - {id: b, function: g, with: {x: '${steps.a.output.password}'}}\n"
    )

    with pytest.raises(ReferenceValueError, match="only mappings and arrays can be looked into"):
        run_workflow(text, functions={"f": Secret, "g": lambda x: x})


@pytest.mark.parametrize(
    ("expression", "offset", "message"),
    [
        pytest.param("", 0, "the reference is empty", id="empty"),
        pytest.param("inputs", 0, "'inputs' alone is not a value", id="root_alone"),
        pytest.param("inputs.", 7, "expected a name after '.'", id="dot_at_end"),
        pytest.param("inputs.a.0", 9, "expected a name after '.'", id="number_after_dot"),
        pytest.param("inputs.a[x]", 9, "expected a number or a quoted key", id="name_in_brackets"),
        pytest.param("inputs.a[1.5]", 9, "a position is a whole number", id="fraction"),
        pytest.param("a.b", 0, "unknown word 'a'", id="unknown_word"),
        pytest.param("inputs.a inputs.b", 9, "expected an operator or the end", id="two_values"),
        pytest.param("1 < 2 < 3", 6, "comparisons cannot be chained", id="chained"),
        pytest.param("(1", 2, "expected ')'", id="open_bracket"),
        pytest.param("'abc", 0, "a quoted text is not closed", id="open_quote"),
        pytest.param("'\\x41'", 1, "unknown escape", id="escape"),
        pytest.param("inputs.a()", 8, "expected an operator or the end", id="call"),
        pytest.param("inputs.a = 1", 9, "compare with '=='", id="single_equals"),
        pytest.param("inputs.a | upper", 9, "there are no filters", id="filter"),
        pytest.param("inputs.a -1", 9, "there is no arithmetic", id="minus"),
        pytest.param("__import__('os')", 0, "unknown word '__import__'", id="import"),
        pytest.param("1" * 31, 0, "30 digits at most", id="huge_number"),
        pytest.param("1e999", 0, "too large", id="infinite_number"),
        pytest.param("inputs." + "a" * 5_000, 0, "4000 characters at most", id="too_long"),
        pytest.param("(" * 1_000 + "1" + ")" * 1_000, 41, "40 levels deep at most", id="nested_brackets"),
        pytest.param("not " * 900 + "1", 164, "40 levels deep at most", id="nested_not"),
        pytest.param("inputs.ünï", 7, "not part of a reference", id="odd_letters"),
    ],
)
def test_wrong_reference_is_explained_where_it_is_wrong(expression: str, offset: int, message: str) -> None:
    with pytest.raises(ReferenceSyntaxError) as caught:
        parse_expression(expression)

    assert message in str(caught.value)
    assert caught.value.offset == offset


NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_-]{0,9}", fullmatch=True)
LITERALS = st.builds(
    Literal,
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(10**15), 10**15),
        st.floats(allow_nan=False, allow_infinity=False).filter(lambda value: len(repr(value)) <= 30),
        st.text(max_size=20),
    ),
)
PATHS = st.builds(
    Path,
    st.sampled_from(Root),
    st.lists(st.one_of(NAMES, st.text(max_size=8), st.integers(-999, 999)), min_size=1, max_size=5).map(
        tuple
    ),
)


def _grow(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    comparing = st.sampled_from([op for op in Operator if op not in (Operator.AND, Operator.OR)])
    several = st.lists(inner, min_size=2, max_size=3).map(tuple)
    return st.one_of(
        st.builds(Negation, inner),
        st.builds(Comparison, inner, comparing, inner),
        st.builds(Binary, st.sampled_from([Operator.AND, Operator.OR]), several),
    )


NODES: st.SearchStrategy[Node] = st.recursive(st.one_of(LITERALS, PATHS), _grow, max_leaves=12)


@given(NODES)
def test_parsing_what_was_written_gives_the_same_reference(node: Node) -> None:
    assert parse_expression(str(node)) == node


@given(st.text(max_size=200))
def test_arbitrary_text_is_parsed_or_refused_with_our_error(text: str) -> None:
    parsed = parse_or_error(text)

    if isinstance(parsed, ReferenceSyntaxError):
        assert 0 <= parsed.offset <= len(text)
    else:
        assert parse_expression(str(parsed)) == parsed


def parse_or_error(text: str) -> Node | ReferenceSyntaxError:
    try:
        return parse_expression(text)
    except ReferenceSyntaxError as error:
        return error


@given(st.text(alphabet="inputs.ep[]()'\"\\0-9 <>=!andorx${}", max_size=80))
def test_text_made_of_the_grammars_own_characters_is_parsed_or_refused(text: str) -> None:
    with contextlib.suppress(ReferenceSyntaxError):
        parse_text("${" + text)


@given(st.text(max_size=100))
def test_escaped_text_comes_out_as_it_was(text: str) -> None:
    if text.endswith("$"):
        text += "."

    escaped = text.replace("${", "$${")

    assert "$${" in text or parse_text(escaped) == Constant(text)


def test_wrong_reference_in_a_file_is_a_workflow_error() -> None:
    with pytest.raises(WorkflowError, match=r":2:39: wrong reference: unknown word 'os'"):
        run_workflow(
            "steps:\n  - {id: a, function: f, with: {x: '${os.environ}'}}\n", functions={"f": lambda x: x}
        )
