"""From YAML text to nodes: a flat walk over the parser's events, with a limit on everything.

PyYAML's own composer recurses, forgets duplicate keys and expands aliases without end. Of YAML this
takes what a data format needs: no tags, no merge keys, and the plain scalars of JSON (``yes`` and
``on`` are texts, ``2024-01-01`` is a text, ``010`` is ten).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any, Protocol, cast, runtime_checkable

import yaml

from agent_runtime.errors.stacks import is_of_the_caller
from agent_runtime.loading.nodes import (
    MAX_DEPTH,
    MAX_NODES,
    PER_COLLECTION,
    PER_REFERENCE,
    Items,
    Node,
    Notes,
    Pairs,
    Scalar,
)
from agent_runtime.loading.places import Lines, place_in
from agent_runtime.workflow.model import Position

__all__ = ("MAX_CHARACTERS", "MAX_NODES", "compose")

MAX_CHARACTERS = 4_000_000
"""Characters in one file. A workflow of 10,000 steps has about a million."""

MAX_KEY = 1_000

_NUMBER = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?")
_BEGINS_NUMBER = frozenset("+-.0123456789")
_MAX_DIGITS = 400
_WORDS: dict[str, bool | float | None] = {
    "": None,
    "~": None,
    **dict.fromkeys(("null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
}

# What YAML does not allow in a stream; both of PyYAML's parsers refuse it, but say so differently.
_BREAK = re.compile("[\x85\u2028\u2029]")
"""Ends a line for YAML 1.1, and not for most editors: what follows could be overlooked."""

_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_LOADER: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_TOO_DEEP_FOR_LIBYAML = "maximum nesting depth"
"""What libyaml says since 0.2.6 (PyYAML 6.0.4) when its scanner has met 1,000 levels. It reads ahead: what is
wrong with the first of them has not been seen then."""

_INSTEAD = "," * 1_100
"""In place of the rest: as many tokens as a key can have, to which YAML allows 1,024 characters."""

_TOO_MANY = f"the file holds more than {MAX_NODES} values, aliases counted in full"


class _Stop(Exception):  # noqa: N818 - a way out of the walk, never seen outside
    """The rest of the file cannot be understood, or is not worth it; the reason has been noted."""


def compose(text: str, notes: Notes) -> Node | None:
    """Read YAML text; note what is wrong with it.

    Returns:
        The root node, or None when the text could not be read to its end.
    """
    text = text.removeprefix("\ufeff")
    lines = Lines(text)
    if _is_refused(text, lines, notes):
        return None
    if len(text) > MAX_NODES and (position := _first_too_many(text)) is not None:
        notes.add(position, _TOO_MANY)
        return None
    return _compose(text, lines, notes)


def _compose(text: str, lines: Lines, notes: Notes) -> Node | None:
    loader = _LOADER(text)
    before = notes.count()
    try:
        return _Composer(lines, notes).document(loader)
    except _Stop:
        return None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        if mark is not None and _TOO_DEEP_FOR_LIBYAML in str(error.problem):
            notes.forget_after(before)
            return _compose(text[: mark.index] + _INSTEAD, lines, notes)  # it will not get as far again
        notes.add(_position(mark), *_explain(error, lines))
        return None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        if is_of_the_caller(error):
            raise
        notes.add(Position(1, 1), f"this is not YAML: {_first_line(error)}")
        return None
    finally:
        loader.dispose()


def _is_refused(text: str, lines: Lines, notes: Notes) -> bool:
    """Note what no workflow file may have in it, wherever it stands."""
    if len(text) > MAX_CHARACTERS:
        notes.add(Position(1, 1), f"the file has {len(text)} characters, and {MAX_CHARACTERS} is the most")
        return True
    odd = _UNPRINTABLE.search(text)
    if odd is not None:
        notes.add(lines.position(odd.start()), f"the character {odd.group()!a} is not allowed in YAML")
        return True
    hidden = _BREAK.search(text)
    if hidden is not None:
        message = f"the character {hidden.group()!a} would begin a line that editors do not show as one"
        hint = f"remove it, or put it in double quotes as {hidden.group()!a}"
        notes.add(lines.position(hidden.start()), message, hint)
        return True
    return False


def _first_too_many(text: str) -> Position | None:
    """Return where a file holds too much even if aliases count as one value, in a quarter of the time.

    What else is wrong with it is left to the composer.
    """
    loader = _LOADER(text)
    total = depth = documents = 0
    try:
        while type(event := loader.get_event()) is not yaml.StreamEndEvent:
            if type(event) is yaml.ScalarEvent or type(event) is yaml.AliasEvent:
                total += 1
            elif isinstance(event, yaml.CollectionStartEvent):
                total += PER_COLLECTION
                depth += 1
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
            elif type(event) is yaml.DocumentStartEvent:
                documents += 1
            if depth > MAX_DEPTH or documents > 1:
                return None
            if total > MAX_NODES:
                return _start_of(event)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        if is_of_the_caller(error):
            raise
        return None
    finally:
        loader.dispose()
    return None


class _Open:
    """A collection whose end has not been seen."""

    __slots__ = ("anchor", "is_mapping", "items", "keys", "position", "size")

    def __init__(self, position: Position, anchor: str | None, *, is_mapping: bool) -> None:
        self.position = position
        self.anchor = anchor
        self.is_mapping = is_mapping
        self.items: list[Node] = []
        self.keys: dict[str, Position] = {}
        self.size = PER_COLLECTION


class _Composer:
    """Builds nodes from events with an explicit stack."""

    def __init__(self, lines: Lines, notes: Notes) -> None:
        self._lines = lines
        self._notes = notes
        self._stack: list[_Open] = []
        self._anchors: dict[str, tuple[Node, int]] = {}
        self._open_anchors: set[str] = set()
        self._total = 0
        self._documents = 0
        self._root: Node | None = None

    def document(self, loader: _Loader) -> Node | None:
        """Consume a stream of one document and return its root.

        What is done for each of its events is what a file of 250,000 of them takes a second for.
        """
        next_event = cast("Callable[[], yaml.Event | None]", loader.get_event)
        take: dict[type[yaml.Event], Callable[[Any], None]] = {
            yaml.DocumentStartEvent: self._document,
            yaml.ScalarEvent: self._scalar,
            yaml.MappingStartEvent: self._begin,
            yaml.SequenceStartEvent: self._begin,
            yaml.MappingEndEvent: self._end,
            yaml.SequenceEndEvent: self._end,
            yaml.AliasEvent: self._alias,
        }
        while (event := next_event()) is not None:
            taken = take.get(type(event))
            if taken is not None:
                taken(event)
            elif type(event) is yaml.StreamEndEvent:
                break
        return self._root

    def _document(self, event: yaml.DocumentStartEvent) -> None:
        self._documents += 1
        if self._documents > 1:
            self._refuse(event, "a workflow file holds one document", "remove the '---' here")

    def _refuse(self, event: yaml.Event, message: str, hint: str = "") -> None:
        self._notes.add(_start_of(event), message, hint)
        raise _Stop

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        position = _start_of(event)
        if event.tag is not None:
            self._no_tag(event.tag, event)
        value: object = event.value
        place, size = None, 1
        if not event.style and not event.tag:  # None, or "" from the C parser
            value = self._plain(event.value, position)
        if isinstance(value, str) and "${" in value:
            start, end = cast("_Mark", event.start_mark), cast("_Mark", event.end_mark)
            place = place_in(self._lines, value, start.index, end.index, event.style)
            size += PER_REFERENCE * value.count("${")
        self._put(Scalar(value, position, place), size, event.anchor)

    def _plain(self, text: str, position: Position) -> object:
        """Return the value of an unquoted scalar, by the rules of YAML 1.2's core schema."""
        if text in _WORDS:
            return _WORDS[text]
        if text[0] not in _BEGINS_NUMBER:
            return text
        if len(text) > _MAX_DIGITS:
            if _NUMBER.fullmatch(text) or _FLOAT.fullmatch(text):
                self._notes.add(
                    position, f"a number may have {_MAX_DIGITS} digits at most", "quote it if it is a text"
                )
            return text
        if _NUMBER.fullmatch(text):
            return int(text)
        return float(text) if _FLOAT.fullmatch(text) else text

    def _begin(self, event: yaml.MappingStartEvent | yaml.SequenceStartEvent) -> None:
        if event.tag is not None:
            self._no_tag(event.tag, event)
        if len(self._stack) >= MAX_DEPTH:
            self._refuse(event, f"the file is nested more than {MAX_DEPTH} levels deep", "flatten it")
        if event.anchor is not None:
            self._open_anchors.add(event.anchor)
        is_mapping = isinstance(event, yaml.MappingStartEvent)
        self._stack.append(_Open(_start_of(event), event.anchor, is_mapping=is_mapping))

    def _end(self, _event: yaml.Event) -> None:
        done = self._stack.pop()
        node: Node
        if done.is_mapping:
            keys = cast("list[Scalar]", done.items[::2])  # nothing else becomes a key
            node = Pairs(tuple(zip(keys, done.items[1::2], strict=True)), done.position)
        else:
            node = Items(tuple(done.items), done.position)
        if done.anchor is not None:
            self._open_anchors.discard(done.anchor)
        self._put(node, done.size, done.anchor)

    def _alias(self, event: yaml.AliasEvent) -> None:
        name = str(event.anchor)
        if name in self._open_anchors:
            self._refuse(event, f"the alias '*{name[:40]}' stands inside what it stands for")
        if name not in self._anchors:
            self._refuse(event, f"there is no anchor '&{name[:40]}' for this alias", "define it further up")
        node, size = self._anchors[name]
        self._put(node, size, None, alias=_start_of(event))

    def _put(self, node: Node, size: int, anchor: str | None, *, alias: Position | None = None) -> None:
        """Add a finished node to the collection that is open, or make it the root."""
        if anchor is not None:
            self._anchors[anchor] = (node, size)
        position = alias or node.position
        self._total += size if alias is not None or isinstance(node, Scalar) else PER_COLLECTION
        if self._total > MAX_NODES:
            self._notes.add(position, _TOO_MANY)
            raise _Stop
        if not self._stack:
            self._root = node
            return
        parent = self._stack[-1]
        parent.size += size
        if parent.is_mapping and len(parent.items) % 2 == 0:
            node = self._key(node, parent, position)
        parent.items.append(node)

    def _key(self, node: Node, parent: _Open, position: Position) -> Node:
        """Check a mapping's key; it becomes a text."""
        if not isinstance(node, Scalar):
            self._notes.add(position, "a key must be a text", "put '\"' around it if it is one")
            raise _Stop
        is_text = isinstance(node.value, str)
        key = cast("str", node.value) if is_text else self._lines.word_at(position)
        if len(key) > MAX_KEY:
            self._notes.add(position, f"a key may have {MAX_KEY} characters at most")
            raise _Stop
        if key == "<<":
            self._notes.add(position, "merge keys ('<<') are not part of the format", "write the keys out")
        elif key in parent.keys:
            first = parent.keys[key]
            self._notes.add(
                position, f"the key '{key}' is here a second time", f"it is also in line {first.line}"
            )
        parent.keys.setdefault(key, position)
        return node if is_text and node.place is None and node.position == position else Scalar(key, position)

    def _no_tag(self, tag: str, event: yaml.Event) -> None:
        if tag != "tag:yaml.org,2002:str":
            name = tag.replace("tag:yaml.org,2002:", "!!")
            self._notes.add(_start_of(event), f"the tag '{name[:60]}' is not part of the format", "remove it")


@runtime_checkable
class _Loader(Protocol):
    """What both of PyYAML's parsers are for the composer: one is written in C, and no kind of the other."""

    def get_event(self) -> yaml.Event: ...


@runtime_checkable
class _Mark(Protocol):
    """What both of PyYAML's parsers call a mark, though in two classes."""

    line: int
    column: int
    index: int


def _position(mark: _Mark | None) -> Position:
    return Position(1, 1) if mark is None else Position(mark.line + 1, mark.column + 1)


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def _start_of(event: yaml.Event) -> Position:
    mark: Any = event.start_mark  # a _Mark: each event has one
    return Position(mark.line + 1, mark.column + 1)


def _explain(error: yaml.MarkedYAMLError, lines: Lines) -> tuple[str, str]:
    """Say what the YAML parser found, and what to write instead where that is known."""
    problem = error.problem or error.context or "it cannot be read"
    mark = error.problem_mark or error.context_mark
    line = "" if mark is None else lines.text_of(mark.line)
    hint = ""
    if "\t" in line[: len(line) - len(line.lstrip())] or "'\\t'" in problem:
        return "a tab is used for indentation, and YAML takes only blanks", "replace it by blanks"
    if "mapping values are not allowed" in problem:
        hint = "put quotes around a text with ': ' in it, or check the indentation"
    elif "'{'" in problem or "flow mapping" in (error.context or "") or "'@'" in problem or "'`'" in problem:
        hint = 'put quotes around texts with special characters, as in "${inputs.name}"'
    elif "block end" in problem or "block mapping" in (error.context or ""):
        hint = "check the indentation of this line and the one before"
    context = f" {error.context}" if error.context and error.context_mark is not None else ""
    return f"this is not YAML: {problem}{context}", hint
