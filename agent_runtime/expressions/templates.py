"""Values with references inside: what ``with``, ``when``, messages and outputs are made of."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple, Protocol, TypeAlias, runtime_checkable

from agent_runtime.expressions.nodes import Reference
from agent_runtime.expressions.parse import ReferenceSyntaxError, parse_at

__all__ = (
    "Constant",
    "Items",
    "Pairs",
    "Template",
    "Text",
    "Values",
    "parse_text",
    "references_of",
    "render",
    "to_text",
)


class Constant(NamedTuple):
    """A value without references: text, number, boolean or null."""

    value: object


class Text(NamedTuple):
    """Text with references in between; each part is literal text or a reference."""

    parts: tuple[str | Reference, ...]


class Items(NamedTuple):
    """An array of templates."""

    items: tuple[Template, ...]


class Pairs(NamedTuple):
    """A mapping of templates."""

    pairs: tuple[tuple[str, Template], ...]


Template: TypeAlias = Constant | Reference | Text | Items | Pairs

MAX_TEXT = 10_000_000
"""Characters of a text that is put together of parts, and of a value written between text; a guess."""

_MARK = re.compile(r"\$\$\{|\$\{")

Place = Callable[[int], tuple[int | None, int | None]]
"""From an index into the text to line and column."""


def _nowhere(_index: int) -> tuple[int | None, int | None]:
    return None, None


def parse_text(text: str, place: Place = _nowhere) -> Constant | Reference | Text:
    """Parse a text of the workflow file: a constant, exactly one reference, or a mixture.

    Raises:
        ReferenceSyntaxError: a reference in it is wrong; ``offset`` is an index into ``text``.
    """
    parts: list[str | Reference] = []
    literal: list[str] = []
    position = 0
    while (mark := _MARK.search(text, position)) is not None:
        literal.append(text[position : mark.start()])
        position = mark.end()
        if mark.group() == "$${":
            literal.append("${")
            continue
        reference, position = _reference(text, mark, place)
        _flush(literal, parts)
        parts.append(reference)
    literal.append(text[position:])
    _flush(literal, parts)
    if not parts:
        return Constant("")
    if len(parts) == 1:
        only = parts[0]
        return only if isinstance(only, Reference) else Constant(only)
    return Text(tuple(parts))


def _flush(literal: list[str], parts: list[str | Reference]) -> None:
    """Move what has been collected of literal text into the parts, if there is any."""
    collected = "".join(literal)
    literal.clear()
    if collected:
        parts.append(collected)


def _reference(text: str, mark: re.Match[str], place: Place) -> tuple[Reference, int]:
    node, end = parse_at(text, mark.end())
    if text[end - 1 : end] != "}":
        raise ReferenceSyntaxError(
            "'${' is not closed", mark.start(), "end it with '}', or write '$${' for the characters"
        )
    line, column = place(mark.start())
    return Reference(text[mark.end() : end - 1].strip(), node, line, column, mark.start()), end


@runtime_checkable
class Values(Protocol):
    """What references stand for."""

    def value_of(self, reference: Reference, /) -> object:
        """Return the value of a reference."""

    def text_of(self, reference: Reference, /) -> str:
        """Return the value as it appears between text."""

    def failed(self, reference: Reference, reason: str, /) -> Exception:
        """Return the error that a reference is of no use here."""


def render(template: Template, values: Values) -> object:
    """Build the value of a template, in fresh lists and dicts.

    A reference that stands alone keeps its value's type; between text it is written out.

    Args:
        template: what to build.
        values: what its references stand for.
    """
    if isinstance(template, Constant):
        return template.value
    if isinstance(template, Reference):
        return values.value_of(template)
    if isinstance(template, Pairs):
        return {key: render(inner, values) for key, inner in template.pairs}
    if isinstance(template, Items):
        # Most of a long list are constants, and a step with for_each builds it for each of its items.
        return [inner.value if type(inner) is Constant else render(inner, values) for inner in template.items]
    return _joined(template, values)


def _joined(template: Text, values: Values) -> str:
    """Write out the parts of a text.

    The length is looked at on the way: a file of a few lines could ask for more than there is memory.
    """
    parts: list[str] = []
    length = 0
    for part in template.parts:
        if isinstance(part, str):
            parts.append(part)
        else:
            if length > MAX_TEXT:
                raise values.failed(part, f"the text would have more than {MAX_TEXT} characters")
            parts.append(values.text_of(part))
        length += len(parts[-1])
    return "".join(parts)


def to_text(value: object) -> str:
    """Write a value out as it appears between text: text as it is, everything else as JSON."""
    if isinstance(value, str):
        return value
    _check_size(value)
    import json  # five milliseconds that most workflows never need

    return json.dumps(value, ensure_ascii=False, default=str)


_PER_VALUE = 4
"""Characters that a value takes at least, with what stands around it; a guess that keeps the count short."""


def _check_size(value: object) -> None:
    """Refuse what would be much more as text than it is in memory: a list of the same list of the same list.

    Raises:
        ValueError: it is too large, or contains itself.
    """
    left, length, waiting = _FEW, 0, [value]
    while waiting:
        each = waiting.pop()
        left -= _PER_VALUE
        if isinstance(each, str):
            length += len(each)
        elif isinstance(each, dict):
            waiting += each
            waiting += each.values()
        elif isinstance(each, list | tuple):
            waiting += each
        if left < len(waiting) or length > MAX_TEXT:
            return _measure(value)
    return None


_FEW = 1_000_000
"""Values inside a value that are just counted, half a microsecond each; a guess."""


def _measure(value: object) -> None:
    """Do the same with each container measured once, however often it is met."""
    sizes: dict[int, int] = {}
    around: set[int] = set()
    waiting = [(value, False)]
    while waiting:
        each, is_measured_inside = waiting.pop()
        if is_measured_inside:
            around.remove(id(each))
            sizes[id(each)] = size = 2 + sum(_size_of(inner, sizes) for inner in _inside(each))
            if size > MAX_TEXT:
                raise ValueError(f"as text it would have more than {MAX_TEXT} characters")
        elif id(each) in around:
            raise ValueError("it contains itself")
        elif id(each) not in sizes and isinstance(each, dict | list | tuple):
            around.add(id(each))
            waiting.append((each, True))
            waiting += [(inner, False) for inner in _inside(each) if isinstance(inner, dict | list | tuple)]


def _inside(container: object) -> Iterable[object]:
    """Return what a container holds, the keys of a dict included."""
    if isinstance(container, dict):
        return itertools.chain(container, container.values())
    assert isinstance(container, list | tuple)
    return container


def _size_of(value: object, sizes: Mapping[int, int]) -> int:
    """Return how many characters a value has as text, at least, and what separates it from the next."""
    return 1 + (len(value) if isinstance(value, str) else sizes.get(id(value), 1))


def references_of(template: Template) -> Iterator[Reference]:
    """Yield every reference in a template, in the order in which they are written."""
    if isinstance(template, Reference):
        yield template
    elif isinstance(template, Text):
        yield from (part for part in template.parts if isinstance(part, Reference))
    elif isinstance(template, Items):
        for inner in template.items:
            yield from references_of(inner)
    elif isinstance(template, Pairs):
        for _key, inner in template.pairs:
            yield from references_of(inner)
