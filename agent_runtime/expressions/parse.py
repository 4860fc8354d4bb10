"""From the text of a reference to its nodes: a tokenizer, and one function for each rule of the grammar.

::

    expression = conjunction { "or" conjunction }
    conjunction = negation { "and" negation }
    negation   = "not" negation | comparison
    comparison = value [ operator value ]
    operator   = "==" | "!=" | "<" | "<=" | ">" | ">=" | "in" | "not" "in"
    value      = path | text | number | "true" | "false" | "null" | "(" expression ")"
    path       = ( "inputs" | "steps" | "secrets" ) accessor { accessor } | local { accessor }
    local      = "item" | "index" | "output" | "error"
    accessor   = "." name | "[" integer "]" | "[" text "]"
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from agent_runtime.expressions.nodes import Binary, Comparison, Literal, Negation, Node, Operator, Path, Root

__all__ = ("MAX_DEPTH", "MAX_LENGTH", "ReferenceSyntaxError", "parse_expression")

MAX_LENGTH = 4_000
"""Characters in one reference; far beyond what a person writes, a guess."""

MAX_DEPTH = 40
"""Brackets and ``not`` within each other; keeps the parser far from Python's recursion limit."""

_MAX_DIGITS = 30

_TOKEN = re.compile(
    r"""
    (?P<blank>[ \t\r\n]+)
  | (?P<number>-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)
  | (?P<name>[A-Za-z_][A-Za-z0-9_-]*)
  | (?P<text>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")
  | (?P<sign>==|!=|<=|>=|<|>|\(|\)|\[|\]|\.|\})
    """,
    re.VERBOSE | re.DOTALL,
)

_COMPARING = {
    operator.value: operator
    for operator in Operator
    if operator not in (Operator.AND, Operator.OR, Operator.NOT_IN)
}

_ROOTS = frozenset(root.value for root in Root)

_CONSTANTS: dict[str, bool | None] = {"true": True, "false": False, "null": None}

_ESCAPES = {"n": "\n", "t": "\t", "\\": "\\", "'": "'", '"': '"'}

_INSTEAD = {
    "=": "compare with '=='",
    "&": "write 'and'",
    "|": "write 'or'; there are no filters",
    "!": "write 'not'",
    "+": "there is no arithmetic; compute it in a function step",
    "*": "there is no arithmetic; compute it in a function step",
    "/": "there is no arithmetic; compute it in a function step",
    "-": "there is no arithmetic; compute it in a function step",
    "{": "write values without braces inside ${...}",
}


class ReferenceSyntaxError(ValueError):
    """A reference does not follow the grammar.

    Attributes:
        message: what is wrong.
        offset: where, as an index into the text given.
        hint: what to write instead, or an empty string.
    """

    def __init__(self, message: str, offset: int, hint: str = "") -> None:
        super().__init__(message, offset, hint)
        self.message = message
        self.offset = offset
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}; {self.hint}" if self.hint else self.message


class _Token(NamedTuple):
    kind: str
    text: str
    offset: int

    def __str__(self) -> str:
        return "the end of the reference" if self.kind == "end" else f"'{_shown(self.text)}'"


def parse_expression(text: str) -> Node:
    """Parse the text between the braces.

    Raises:
        ReferenceSyntaxError: it does not follow the grammar, or is too long or too deeply nested.
    """
    node, end = parse_at(text, 0)
    if end != len(text):
        raise ReferenceSyntaxError("'}' does not belong inside a reference", end - 1)
    return node


def parse_at(text: str, start: int) -> tuple[Node, int]:
    """Parse from ``start`` to the closing brace or the end of ``text``; return the node and where it ended.

    Raises:
        ReferenceSyntaxError: as :func:`parse_expression`.
    """
    tokens = _tokenize(text, start)
    parser = _Parser(tokens)
    node = parser.whole()
    last = tokens[-1]
    return node, last.offset + len(last.text)


def _tokenize(text: str, start: int) -> list[_Token]:
    """Split up to and including the brace that closes the reference."""
    tokens: list[_Token] = []
    offset = start
    while offset < len(text):
        if offset - start > MAX_LENGTH:
            raise ReferenceSyntaxError(f"a reference may have {MAX_LENGTH} characters at most", start)
        match = _TOKEN.match(text, offset)
        if match is None:
            raise _unreadable(text, offset)
        kind, word = str(match.lastgroup), match.group()
        if word == "}":
            tokens.append(_Token("end", word, offset))
            return tokens
        if kind != "blank":
            tokens.append(_Token(kind, word, offset))
        offset = match.end()
    if offset - start > MAX_LENGTH:
        raise ReferenceSyntaxError(f"a reference may have {MAX_LENGTH} characters at most", start)
    tokens.append(_Token("end", "", offset))
    return tokens


def _unreadable(text: str, offset: int) -> ReferenceSyntaxError:
    character = text[offset]
    if character in "'\"":
        return ReferenceSyntaxError("a quoted text is not closed", offset, f"end it with {character}")
    hint = _INSTEAD.get(character, "quote a key as in ['my key']")
    return ReferenceSyntaxError(f"'{_shown(character)}' is not part of a reference", offset, hint)


class _Parser:
    """Recursive descent over a list of tokens; each method consumes what its rule matches."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._next = 0
        self._depth = 0

    def whole(self) -> Node:
        """Parse everything up to the end."""
        if self._here.kind == "end":
            hint = "write for example ${inputs.name} or ${steps.id.output}"
            raise ReferenceSyntaxError("the reference is empty", self._here.offset, hint)
        node = self._expression()
        if self._here.kind != "end":
            raise self._unexpected("an operator or the end")
        return node

    @property
    def _here(self) -> _Token:
        return self._tokens[self._next]

    def _take(self) -> _Token:
        token = self._here
        self._next += 1
        return token

    def _takes(self, word: str) -> bool:
        """Consume the next token if it is this name or sign."""
        if self._here.kind in ("name", "sign") and self._here.text == word:
            self._next += 1
            return True
        return False

    def _unexpected(self, wanted: str) -> ReferenceSyntaxError:
        token = self._here
        hint = _INSTEAD["-"] if token.kind == "number" and token.text.startswith("-") else ""
        return ReferenceSyntaxError(f"expected {wanted}, found {token}", token.offset, hint)

    def _expression(self) -> Node:
        return self._chain(Operator.OR, self._conjunction)

    def _conjunction(self) -> Node:
        return self._chain(Operator.AND, self._negation)

    def _chain(self, operator: Operator, operand: Callable[[], Node]) -> Node:
        operands = [operand()]
        while self._takes(operator.value):
            operands.append(operand())
        return operands[0] if len(operands) == 1 else Binary(operator, tuple(operands))

    def _negation(self) -> Node:
        if not self._takes("not"):
            return self._comparison()
        self._deeper()
        node = Negation(self._negation())
        self._depth -= 1
        return node

    def _comparison(self) -> Node:
        left = self._value()
        operator = self._operator()
        if operator is None:
            return left
        right = self._value()
        second = self._here
        if self._operator() is not None:
            hint = "join two comparisons with 'and'"
            raise ReferenceSyntaxError("comparisons cannot be chained", second.offset, hint)
        return Comparison(left, operator, right)

    def _operator(self) -> Operator | None:
        token = self._here
        if token.kind not in ("name", "sign"):
            return None
        if token.text == "not" and self._tokens[self._next + 1].text == "in":
            self._next += 2
            return Operator.NOT_IN
        operator = _COMPARING.get(token.text)
        if operator is not None:
            self._next += 1
        return operator

    def _value(self) -> Node:
        token = self._here
        if self._takes("("):
            self._deeper()
            node = self._expression()
            self._expect(")")
            self._depth -= 1
            return node
        if token.kind == "text":
            return Literal(_unquoted(self._take()))
        if token.kind == "number":
            return Literal(_number(self._take()))
        if token.kind == "name" and token.text not in ("and", "or", "not", "in"):
            return self._name()
        raise self._unexpected("a value")

    def _name(self) -> Node:
        token = self._take()
        if token.text in _CONSTANTS:
            return Literal(_CONSTANTS[token.text])
        if token.text not in _ROOTS:
            hint = "a reference begins with 'inputs.' or 'steps.'; quote it if it is a text"
            raise ReferenceSyntaxError(f"unknown word '{_shown(token.text)}'", token.offset, hint)
        keys: list[str | int] = []
        while (key := self._accessor()) is not None:
            keys.append(key)
        if not keys and token.text in ("inputs", "steps", "secrets"):
            hint = f"write {token.text}.<name>"
            raise ReferenceSyntaxError(f"'{token.text}' alone is not a value", token.offset, hint)
        return Path(Root(token.text), tuple(keys), token.offset)

    def _accessor(self) -> str | int | None:
        if self._takes("."):
            if self._here.kind != "name":
                raise self._unexpected("a name after '.'")
            return self._take().text
        if not self._takes("["):
            return None
        token = self._here
        key: str | int | float
        if token.kind == "text":
            key = _unquoted(self._take())
        elif token.kind == "number":
            key = _number(self._take())
        else:
            raise self._unexpected("a number or a quoted key after '['")
        if isinstance(key, float):
            raise ReferenceSyntaxError("a position is a whole number", token.offset)
        self._expect("]")
        return key

    def _expect(self, sign: str) -> None:
        if not self._takes(sign):
            raise self._unexpected(f"'{sign}'")

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            message = f"a reference may be nested {MAX_DEPTH} levels deep at most"
            raise ReferenceSyntaxError(message, self._here.offset, "compute it in a function step")


def _unquoted(token: _Token) -> str:
    body = token.text[1:-1]
    parts: list[str] = []
    escaped = False
    for index, character in enumerate(body, start=token.offset + 1):
        if escaped:
            if character not in _ESCAPES:
                hint = "the escapes are \\n, \\t, \\\\, \\' and \\\""
                raise ReferenceSyntaxError(f"unknown escape '\\{_shown(character)}'", index - 1, hint)
            parts.append(_ESCAPES[character])
            escaped = False
        elif character == "\\":
            escaped = True
        else:
            parts.append(character)
    return "".join(parts)


def _number(token: _Token) -> int | float:
    if len(token.text) > _MAX_DIGITS:
        raise ReferenceSyntaxError(f"a number may have {_MAX_DIGITS} digits at most", token.offset)
    if token.text.removeprefix("-").isdigit():
        return int(token.text)
    value = float(token.text)
    if value in (float("inf"), float("-inf")):
        raise ReferenceSyntaxError("the number is too large", token.offset)
    return value


def _shown(text: str) -> str:
    """Shorten and escape for a one-line message."""
    short = text if len(text) <= 40 else text[:37] + "..."
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in short)
