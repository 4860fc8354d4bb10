"""Reading one mapping of the file key by key, and noting everything that is wrong with it."""

from __future__ import annotations

import enum
import functools
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

from agent_runtime.errors import printable
from agent_runtime.expressions import (
    Constant,
    ReferenceSyntaxError,
    Template,
    parse_text,
)
from agent_runtime.expressions import Items as TemplateItems
from agent_runtime.expressions import Pairs as TemplatePairs
from agent_runtime.loading.keys import MAX_LINE, Count, Key, Kind, Number, Word
from agent_runtime.loading.nodes import Items, Node, Notes, Pairs, Scalar, kind_of
from agent_runtime.workflow.model import Position

__all__ = ("NAME", "NO_ARGUMENTS", "Form", "nearest", "read_arguments", "read_name", "read_template", "shown")

E = TypeVar("E", bound=enum.Enum)
K = TypeVar("K")

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,99}")
"""Ids and input names: what can stand in a reference without quotes. ASCII, so that no two look alike."""

NO_ARGUMENTS = TemplatePairs(())
"""What ``with`` says where it says nothing."""


class Form:
    """One mapping and what may be in it, by a table of keys.

    Every reader returns the value, or None when the key is absent or its value is wrong; what is
    wrong is noted. A form over something that is not a mapping notes that and is empty.
    """

    def __init__(self, node: Node, notes: Notes, *, owner: str, keys: Mapping[str, Key]) -> None:
        self.owner = owner
        self.position = node.position
        self._table = keys
        self._notes = notes
        self._values: dict[str, Node] = {}
        self._keys: dict[str, Scalar] = {}
        self.is_mapping = isinstance(node, Pairs)
        if not isinstance(node, Pairs):
            notes.add(
                node.position, f"{owner} must be a mapping, not {kind_of(node)}", "write 'key: value' lines"
            )
            return
        self._take(node)

    def _take(self, node: Pairs) -> None:
        known = tuple(self._table)
        for key, value in node.pairs:
            name = str(key.value)
            if name in known:
                self._values.setdefault(name, value)
                self._keys.setdefault(name, key)
                continue
            message = f"unknown key '{shown(name)}' in {self.owner}"
            self._notes.add(key.position, message, functools.partial(_instead_of, name, known))

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def note(self, key: str, message: str, hint: str = "") -> None:
        """Note a mistake at the value of ``key``."""
        self._notes.add(self.at(key), message, hint)

    def at(self, key: str) -> Position:
        """Return where the value of ``key`` stands, or where the mapping does."""
        return self._values[key].position if key in self._values else self.position

    def key_at(self, key: str) -> Position:
        """Return where ``key`` itself stands, or where the mapping does."""
        return self._keys[key].position if key in self._keys else self.position

    def node(self, key: str) -> Node | None:
        """Return the raw value."""
        node = self._values.get(key)
        if node is None and self._table[key].required:
            self._notes.add(self.position, f"{self.owner} has no '{key}'", f"add '{key}: ...'")
        return node

    def _kind(self, key: str, kind: type[K]) -> K:
        """Return what the table says of a value."""
        found: Kind = self._table[key].kind
        assert isinstance(found, kind), key
        return found

    def text(self, key: str) -> str | None:
        """Return a text; references are not read in it."""
        node = self.node(key)
        if node is None:
            return None
        if isinstance(node, Scalar) and isinstance(node.value, str):
            return node.value
        self._wrong(key, node, "a text")
        return None

    def line(self, key: str) -> str | None:
        """Return a text that can stand in a line of a log, without the line break that ends a block."""
        text = self.text(key)
        if text is None:
            return None
        text = text.removesuffix("\n")
        if not text.isprintable():
            self.note(
                key, f"'{key}' in {self.owner} is '{shown(text)}', which does not print", "use one line"
            )
        elif len(text) > MAX_LINE:
            self.note(key, f"'{key}' in {self.owner} has {len(text)} characters, and {MAX_LINE} is the most")
        else:
            return text
        return None

    def version(self, key: str) -> str | None:
        """Return a text, also when it was written as a number."""
        node = self.node(key)
        if isinstance(node, Scalar) and isinstance(node.value, int) and not isinstance(node.value, bool):
            return str(node.value)
        return self.text(key)

    def number(self, key: str) -> float | None:
        """Return a finite number within the table's bounds."""
        node = self.node(key)
        if node is None:
            return None
        minimum, maximum, above, what = self._kind(key, Number)
        value = node.value if isinstance(node, Scalar) else None
        if isinstance(value, bool) or not isinstance(value, int | float):
            self._wrong(key, node, what)
        elif not minimum <= value <= maximum or (above and value == minimum):
            bound = "more than" if above else "at least"
            self.note(key, f"'{key}' in {self.owner} must be {bound} {minimum:g} and at most {int(maximum)}")
        else:
            return float(value)
        return None

    def count(self, key: str) -> int | None:
        """Return a whole number within the table's bounds."""
        node = self.node(key)
        if node is None:
            return None
        minimum, maximum = self._kind(key, Count)
        value = node.value if isinstance(node, Scalar) else None
        if isinstance(value, bool) or not isinstance(value, int):
            self._wrong(key, node, "a whole number")
        elif not minimum <= value <= maximum:
            self.note(key, f"'{key}' in {self.owner} must be from {minimum} to {maximum}")
        else:
            return value
        return None

    def flag(self, key: str) -> bool | None:
        """Return true or false."""
        node = self.node(key)
        if node is None:
            return None
        if isinstance(node, Scalar) and isinstance(node.value, bool):
            return node.value
        self._wrong(key, node, "true or false")
        return None

    def word(self, key: str, words: type[E]) -> E | None:
        """Return the member of a closed set of words."""
        assert self._kind(key, Word).words is words, key
        text = self.text(key)
        if text is None:
            return None
        allowed = [str(member.value) for member in words]
        if text in allowed:
            return words(text)
        hint = nearest(text, allowed, lead="write") or f"write one of {', '.join(allowed)}"
        self.note(
            key,
            f"'{shown(text)}' is not {'an' if key[0] in 'aeiou' else 'a'} {key} that {self.owner} can have",
            hint,
        )
        return None

    def names(self, key: str, *, of: str) -> Iterator[tuple[str, Position]]:
        """Yield names with their places; one name alone counts as a list of one."""
        node = self.node(key)
        if node is None:
            return
        for item in node.items if isinstance(node, Items) else (node,):
            if isinstance(item, Scalar) and isinstance(item.value, str):
                yield item.value, item.position
            else:
                self._notes.add(item.position, f"'{key}' in {self.owner} takes {of}, not {kind_of(item)}")

    def template(self, key: str) -> Template | None:
        """Return a value with its references parsed."""
        node = self.node(key)
        return None if node is None else read_template(node, self._notes)

    def text_template(self, key: str) -> Template | None:
        """Return a text with its references parsed."""
        return None if self.text(key) is None else self.template(key)

    def _wrong(self, key: str, node: Node, wanted: str) -> None:
        hint = "put quotes around it" if wanted == "a text" and isinstance(node, Scalar) else ""
        if isinstance(node, Scalar) and node.value is None:
            hint = "add a value or remove the key"
        self.note(key, f"'{key}' in {self.owner} must be {wanted}, not {kind_of(node)}", hint)


def read_name(name: str, position: Position, notes: Notes, *, what: str) -> bool:
    """Note it when a name could not stand in a reference; return whether it can."""
    if NAME.fullmatch(name):
        return True
    hint = "use up to 100 letters a-z, digits, '_' and '-', beginning with a letter"
    notes.add(position, f"'{shown(name)}' cannot be {what}", hint)
    return False


def read_arguments(form: Form) -> Template:
    """Read what stands under ``with``: a mapping of values with references in them, or nothing."""
    node = form.node("with")
    if node is None or (isinstance(node, Scalar) and node.value is None):
        return NO_ARGUMENTS
    if not isinstance(node, Pairs):
        form.note(
            "with",
            f"'with' in {form.owner} must be a mapping, not {kind_of(node)}",
            "write 'argument: value'",
        )
        return NO_ARGUMENTS
    return form.template("with") or NO_ARGUMENTS


def read_template(node: Node, notes: Notes) -> Template:
    """Parse every reference in a value; wrong ones are noted and become null."""
    if isinstance(node, Pairs):
        return TemplatePairs(
            tuple((str(key.value), read_template(value, notes)) for key, value in node.pairs)
        )
    if isinstance(node, Items):
        return TemplateItems(tuple(read_template(item, notes) for item in node.items))
    if not isinstance(node.value, str) or "${" not in node.value:
        return Constant(node.value)
    scalar = node

    def place(index: int) -> tuple[int | None, int | None]:
        position = scalar.at(index)
        return position.line, position.column

    try:
        return parse_text(node.value, place)
    except ReferenceSyntaxError as error:
        notes.add(
            node.at(min(error.offset, len(node.value) - 1)), f"wrong reference: {error.message}", error.hint
        )
        return Constant(None)


def _instead_of(name: str, known: tuple[str, ...]) -> str:
    allowed = ", ".join(f"'{word}'" for word in known)
    return nearest(name, known, lead="write") or f"the keys here are {allowed}"


def nearest(name: str, known: Iterable[str], *, lead: str = "did you mean") -> str:
    """Return a hint that names the most similar word, or an empty string."""
    words = [word for word in known if word]
    lowered = {word.lower(): word for word in words}
    if name.lower() in lowered:
        return f"{lead} '{lowered[name.lower()]}'" + ("?" if lead == "did you mean" else "")
    import difflib  # for mistakes only

    near = difflib.get_close_matches(name[:100], _worth_comparing(name[:100], words), n=1, cutoff=0.6)
    if not near:
        return ""
    return f"{lead} '{shown(near[0])}'" + ("?" if lead == "did you mean" else "")


_MAX_COMPARED = 100_000
"""Characters of a name times those of all words that it is compared with: 12 ms, where all look alike."""


def _worth_comparing(name: str, words: list[str]) -> list[str]:
    """Return as many words as can be compared in good time; of too many, those of about the same length."""
    most = _MAX_COMPARED // max(len(name), 1)
    if sum(map(len, words)) > most:
        words = sorted(words, key=lambda word: (word[:1] != name[:1], abs(len(word) - len(name))))
    kept: list[str] = []
    for word in words:
        most -= len(word)
        if most < 0:
            break
        kept.append(word)
    return kept


def shown(text: str) -> str:
    """Shorten and escape a name for a one-line message."""
    return printable(text if len(text) <= 60 else text[:57] + "...")
