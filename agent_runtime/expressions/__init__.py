"""The small closed language inside ``${...}``: parsed into data, evaluated by lookups, never ``eval``."""

from __future__ import annotations

from agent_runtime.expressions.evaluate import LookupFailed, Scope, evaluate_expression, is_true
from agent_runtime.expressions.nodes import (
    Binary,
    Comparison,
    Literal,
    Negation,
    Node,
    Operator,
    Path,
    Reference,
    Root,
)
from agent_runtime.expressions.parse import ReferenceSyntaxError, parse_expression
from agent_runtime.expressions.templates import (
    Constant,
    Items,
    Pairs,
    Template,
    Text,
    Values,
    parse_text,
    references_of,
    render,
    to_text,
)

__all__ = (
    "Binary",
    "Comparison",
    "Constant",
    "Items",
    "Literal",
    "LookupFailed",
    "Negation",
    "Node",
    "Operator",
    "Pairs",
    "Path",
    "Reference",
    "ReferenceSyntaxError",
    "Root",
    "Scope",
    "Template",
    "Text",
    "Values",
    "evaluate_expression",
    "is_true",
    "parse_expression",
    "parse_text",
    "references_of",
    "render",
    "to_text",
)
