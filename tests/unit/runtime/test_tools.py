"""Plain functions as tools: what a model is told of them, and what they get of what it writes."""

from __future__ import annotations

import datetime
import enum
import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, NewType, NotRequired, Optional, TypedDict, Union

import pytest

from agent_runtime import ToolSignatureError, tool
from agent_runtime.tools import describe_tool


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


@dataclass
class Point:
    x: int
    y: int = 0
    tags: list[str] = field(default_factory=list)


@dataclass
class Positive:
    value: int

    def __post_init__(self) -> None:
        if self.value < 0:
            raise ValueError("value must not be negative")


class Address(TypedDict):
    street: str
    number: NotRequired[int]


@dataclass
class Node:
    children: list[Node]


UserId = NewType("UserId", int)


def takes(hint: object) -> Callable[..., object]:
    def fn(x: Any) -> None: ...

    fn.__annotations__ = {"x": hint}
    return fn


def schema_of(hint: object) -> object:
    parameters: Any = describe_tool("t", takes(hint)).parameters
    return parameters["properties"]["x"]


def read(hint: object, value: object) -> object:
    faults: list[str] = []
    found: Any = describe_tool("t", takes(hint)).read({"x": value}, "$", faults)
    return faults or found["x"]


@pytest.mark.parametrize(
    ("hint", "schema"),
    [
        pytest.param(str, {"type": "string"}, id="str"),
        pytest.param(int, {"type": "integer"}, id="int"),
        pytest.param(float, {"type": "number"}, id="float"),
        pytest.param(bool, {"type": "boolean"}, id="bool"),
        pytest.param(None, {"type": "null"}, id="none"),
        pytest.param(Any, {}, id="any"),
        pytest.param(Literal["a", 1], {"enum": ["a", 1]}, id="literal"),
        pytest.param(Color, {"enum": ["red", "blue"]}, id="enum"),
        pytest.param(list[int], {"type": "array", "items": {"type": "integer"}}, id="list"),
        pytest.param(list, {"type": "array", "items": {}}, id="bare_list"),
        pytest.param(Sequence[str], {"type": "array", "items": {"type": "string"}}, id="sequence"),
        pytest.param(Iterable[str], {"type": "array", "items": {"type": "string"}}, id="iterable"),
        pytest.param(
            set[int], {"type": "array", "items": {"type": "integer"}, "uniqueItems": True}, id="set"
        ),
        pytest.param(tuple[int, ...], {"type": "array", "items": {"type": "integer"}}, id="tuple"),
        pytest.param(
            tuple[int, str],
            {
                "type": "array",
                "prefixItems": [{"type": "integer"}, {"type": "string"}],
                "minItems": 2,
                "maxItems": 2,
            },
            id="pair",
        ),
        pytest.param(dict, {"type": "object", "additionalProperties": True}, id="bare_dict"),
        pytest.param(
            dict[str, int], {"type": "object", "additionalProperties": {"type": "integer"}}, id="dict"
        ),
        pytest.param(
            Mapping[str, int], {"type": "object", "additionalProperties": {"type": "integer"}}, id="mapping"
        ),
        pytest.param(Optional[str], {"anyOf": [{"type": "string"}, {"type": "null"}]}, id="optional"),  # noqa: UP045 - both ways of writing it
        pytest.param(int | str, {"anyOf": [{"type": "integer"}, {"type": "string"}]}, id="bar"),
        pytest.param(
            Union[int, str],  # noqa: UP007 - both ways of writing it
            {"anyOf": [{"type": "integer"}, {"type": "string"}]},
            id="union",
        ),
        pytest.param(
            Annotated[int, "how many"], {"type": "integer", "description": "how many"}, id="annotated"
        ),
        pytest.param(UserId, {"type": "integer"}, id="new_type"),
        pytest.param(datetime.date, {"type": "string", "format": "date"}, id="date"),
        pytest.param(
            Address,
            {
                "type": "object",
                "properties": {"street": {"type": "string"}, "number": {"type": "integer"}},
                "additionalProperties": False,
                "required": ["street"],
            },
            id="typed_dict",
        ),
    ],
)
def test_type_hint_is_described_as_json_schema(hint: object, schema: object) -> None:
    assert schema_of(hint) == schema


@pytest.mark.parametrize(
    ("hint", "value", "got"),
    [
        pytest.param(Color, "red", Color.RED, id="enum"),
        pytest.param(Point, {"x": 1}, Point(1, 0, []), id="dataclass"),
        pytest.param(list[Point], [{"x": 1, "y": 2}], [Point(1, 2)], id="list_of_dataclasses"),
        pytest.param(Point | None, None, None, id="optional"),
        pytest.param(Address, {"street": "a"}, {"street": "a"}, id="typed_dict"),
        pytest.param(set[str], ["a", "a"], {"a"}, id="set"),
        pytest.param(tuple[int, str], [1, "a"], (1, "a"), id="tuple"),
        pytest.param(float, 1, 1.0, id="integer_as_float"),
        pytest.param(int, 2.0, 2, id="whole_float_as_int"),
        pytest.param(int | str, "1", "1", id="union_keeps_the_type"),
        pytest.param(datetime.date, "2025-01-31", datetime.date(2025, 1, 31), id="date"),
        pytest.param(dict[str, Point], {"a": {"x": 1}}, {"a": Point(1)}, id="dict"),
    ],
)
def test_function_gets_what_its_hints_promise(hint: object, value: object, got: object) -> None:
    found = read(hint, value)

    assert found == got
    assert type(found) is type(got)


@pytest.mark.parametrize(
    ("hint", "value", "fault"),
    [
        pytest.param(int, "1", "$.x: must be an integer, not '1'", id="text"),
        pytest.param(int, True, "$.x: must be an integer, not True", id="boolean_is_no_integer"),
        pytest.param(int, 1.5, "$.x: must be an integer, not 1.5", id="fraction"),
        pytest.param(float, 10**400, "$.x: must be a number that a float can hold", id="huge"),
        pytest.param(Color, "green", "$.x: must be one of 'red', 'blue', not 'green'", id="enum"),
        pytest.param(Literal[1], True, "$.x: must be one of 1, not True", id="literal"),
        pytest.param(list[int], [1, "b"], "$.x[1]: must be an integer, not 'b'", id="item"),
        pytest.param(Point, {"y": 1}, "$.x: 'x' is missing", id="missing"),
        pytest.param(Point, {"x": 1, "z": 1}, "there is no 'z' here; it takes x, y, tags", id="unknown"),
        pytest.param(Positive, {"value": -1}, "$.x: value must not be negative", id="refused_by_the_class"),
        pytest.param(tuple[int, str], [1], "$.x: must be an array of 2, not an array", id="too_short"),
        pytest.param(set[Any], [{}], "$.x: must be an array of texts or numbers", id="unhashable"),
        pytest.param(Point | None, {"x": "a"}, "$.x.x: must be an integer, not 'a'", id="nearest_of_a_union"),
        pytest.param(datetime.date, "soon", "$.x: must be a text like '2025-01-31'", id="date"),
    ],
)
def test_wrong_value_is_named_with_its_place(hint: object, value: object, fault: str) -> None:
    found = read(hint, value)

    assert isinstance(found, list)
    assert fault in "\n".join(found)


@pytest.mark.parametrize(
    ("hint", "reason"),
    [
        pytest.param(bytes, "no JSON Schema expresses bytes; use str, int", id="bytes"),
        pytest.param(Callable[[], int], "no JSON Schema expresses Callable", id="callable"),
        pytest.param(dict[int, str], "keys of JSON are texts, not int", id="keys"),
        pytest.param(Node, "Node contains itself", id="recursion"),
        pytest.param(list[complex], "no JSON Schema expresses complex", id="inside"),
        pytest.param("Missing", "names 'Missing', which cannot be found", id="name"),
        pytest.param(Literal[b"a"], "b'a' is no value of JSON", id="literal"),
    ],
)
def test_what_cannot_be_expressed_is_said(hint: object, reason: str) -> None:
    with pytest.raises(ToolSignatureError) as caught:
        describe_tool("t", takes(hint))

    assert reason in str(caught.value)
    assert str(caught.value).startswith("the tool 't' cannot be described to a model: ")


def star(*rest: int) -> None: ...


def stars(**rest: int) -> None: ...


def positional(a: int, /) -> None: ...


@pytest.mark.parametrize(
    ("fn", "reason"),
    [
        pytest.param(star, "it takes '*rest'", id="star"),
        pytest.param(stars, "it takes '**rest'", id="stars"),
        pytest.param(positional, "'a' cannot be given by name", id="positional"),
        pytest.param(max, "it takes|does not tell", id="built_in"),
    ],
)
def test_parameter_that_a_model_cannot_give_is_said(fn: Callable[..., object], reason: str) -> None:
    with pytest.raises(ToolSignatureError) as caught:
        describe_tool("t", fn)

    assert any(part in str(caught.value) for part in reason.split("|"))


def documented(a: int, b: str = "x", c: list[int] | None = None) -> None:
    """Do it.

    In two paragraphs.

    Args:
        a: the first,
            on two lines.
        b (str): the second: with a colon.

    Returns:
        nothing.
    """


def in_fields(a: int, b: str) -> None:
    """Do it.

    :param a: the first
    :param str b: the second
    :returns: nothing
    """


def test_docstring_describes_the_tool_and_its_parameters() -> None:
    told = describe_tool("t", documented)
    properties: Any = told.parameters["properties"]

    assert told.description == "Do it.\n\nIn two paragraphs."
    assert properties["a"]["description"] == "the first, on two lines."
    assert properties["b"] == {
        "type": "string",
        "description": "the second: with a colon.",
        "default": "x",
    }
    assert told.parameters["required"] == ["a"]


def test_docstring_with_fields_describes_parameters() -> None:
    told = describe_tool("t", in_fields)
    properties: Any = told.parameters["properties"]

    assert told.description == "Do it."
    assert [properties[name]["description"] for name in ("a", "b")] == ["the first", "the second"]


class Service:
    def method(self, a: int) -> int:
        """Do it."""
        return a

    def __call__(self, b: str) -> str:
        """Call it."""
        return b


@pytest.mark.parametrize(
    ("fn", "description", "names"),
    [
        pytest.param(Service().method, "Do it.", ["a"], id="method"),
        pytest.param(Service(), "Call it.", ["b"], id="object"),
        pytest.param(
            functools.partial(documented, c=[1]), "Do it.\n\nIn two paragraphs.", ["a", "b"], id="partial"
        ),
        pytest.param(Point, "Point(x:", ["x", "y", "tags"], id="class"),
    ],
)
def test_callables_of_all_kinds_are_described(
    fn: Callable[..., object], description: str, names: list[str]
) -> None:
    told = describe_tool("t", fn)
    properties: Any = told.parameters["properties"]

    assert told.description.startswith(description)
    assert list(properties) == names


def test_mark_says_what_the_function_does_not() -> None:
    @tool(description="Say it.", parameters={"type": "object"})
    def say(**anything: object) -> object:
        return anything

    told = describe_tool("t", say)

    assert (told.description, told.parameters) == ("Say it.", {"type": "object"})
    assert say(a=1) == {"a": 1}
