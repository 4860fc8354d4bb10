"""The workflow file as JSON Schema, for editors and validators: made from the table that reads files.

The schema knows what a file looks like: keys, kinds of values, bounds. What a file means (names, references,
steps that wait for each other) only loading it can tell.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from agent_runtime.loading.form import NAME
from agent_runtime.loading.keys import (
    ACTIONS,
    FORMAT_VERSION,
    KEYS,
    MAX_LINE,
    MAX_STEPS,
    Count,
    Key,
    Kind,
    ListOf,
    Named,
    Number,
    Plain,
    Rows,
    Word,
    step_keys,
)

__all__ = ("SCHEMA_FILE", "workflow_schema")

SCHEMA_FILE = os.path.join(os.path.dirname(__file__), "workflow.schema.json")
"""Where the published schema is."""

Schema = dict[str, object]

_ONE_REFERENCE: Schema = {"type": "string", "pattern": r"^\$\{[^}]*.*\}$"}
_NAME: Schema = {"type": "string", "pattern": f"^{NAME.pattern}$"}
_TEXT: Schema = {"type": "string"}

_PLAIN: Mapping[Plain, Schema] = {
    Plain.TEXT: _TEXT,
    Plain.TITLE: {"type": "string", "maxLength": MAX_LINE},
    Plain.NAME: _NAME,
    Plain.VERSION: {"type": ["string", "integer"]},
    Plain.FLAG: {"type": "boolean"},
    Plain.NAMES: {"anyOf": [_TEXT, {"type": "array", "items": _TEXT}]},
    Plain.CONDITION: {"anyOf": [{"type": "boolean"}, _ONE_REFERENCE]},
    Plain.ITEMS: {"anyOf": [{"type": "array"}, _ONE_REFERENCE]},
    Plain.VALUES: {"type": "object"},
    Plain.ARGUMENTS: {"type": ["object", "null"]},
    Plain.DATA: {},
    Plain.SCHEMA: {"type": "object"},
    Plain.CONTENT: {"type": ["string", "array"]},
    Plain.LINE: _TEXT,
    Plain.CHOICES: {"type": "array", "items": {"type": ["string", "number"]}, "minItems": 1},
}

_RULES: Mapping[str, Schema] = {
    # what keys have to do with each other, by table
    "input": {"not": {"required": ["required", "default"], "properties": {"required": {"const": True}}}},
    "step": {"not": {"required": ["for_each", "repeat"]}},
    "agent": {"anyOf": [{"required": ["messages"]}, {"required": ["scenario"]}]},
    "answer": {"not": {"required": ["fields", "schema"]}},
    "memory": {"not": {"required": ["window", "summary"]}},
    "repeat": {
        "if": {"required": ["at_max"]},
        "then": {"anyOf": [{"required": ["until"]}, {"required": ["while"]}]},
    },
}


def workflow_schema() -> Schema:
    """Return the JSON Schema (draft 2020-12) of a workflow file.

    What is published as :data:`SCHEMA_FILE` is the same; this makes it anew.
    """
    tables = {name: _table(name) for name in KEYS if name != "workflow"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:agent-runtime:workflow:{FORMAT_VERSION}",
        "title": "A workflow of agent_runtime",
        **_table("workflow"),
        "$defs": tables,
    }


def _table(name: str) -> Schema:
    """Describe one mapping of the file."""
    acts = name in ("step", "standby")
    keys = step_keys(name, []) if acts else KEYS[name]
    schema: Schema = {
        "type": "object",
        "properties": {key: _property(row) for key, row in keys.items()},
        "additionalProperties": False,
    }
    required = [key for key, row in keys.items() if row.required]
    if required:
        schema["required"] = required
    if acts:
        schema["oneOf"] = [_action(kind) for kind in ACTIONS]
    return {**schema, **_RULES.get(name, {})}


def _action(kind: str) -> Schema:
    """Say which keys go with one thing that a step can do."""
    foreign = sorted({key for rows in ACTIONS.values() for key in rows} - {*ACTIONS, *ACTIONS[kind]})
    return {"required": [kind], "properties": dict.fromkeys(foreign, False)}


def _property(row: Key) -> Schema:
    return {"description": row.about, **_value(row.kind)}


def _value(kind: Kind) -> Schema:
    """Describe what may stand behind a key."""
    if isinstance(kind, Plain):
        return _PLAIN[kind]
    describe: Mapping[type, Callable[..., Schema]] = {
        Number: _number,
        Count: lambda minimum, maximum: {"type": "integer", "minimum": minimum, "maximum": maximum},
        Word: lambda words: {"enum": [word.value for word in words]},
        Rows: _rows,
        ListOf: _list_of,
        Named: _named,
    }
    return describe[type(kind)](*kind)


def _number(minimum: float, maximum: float, above: bool, _what: str) -> Schema:
    least = "exclusiveMinimum" if above else "minimum"
    return {"type": "number", least: minimum, "maximum": maximum}


def _ref(table: str) -> Schema:
    return {"$ref": f"#/$defs/{table}"}


def _rows(table: str, short: str) -> Schema:
    return {"anyOf": [_ref(table), _value(KEYS[table][short].kind)]} if short else _ref(table)


def _list_of(table: str, short: str) -> Schema:
    bounds: Schema = {"maxItems": MAX_STEPS} if table == "step" else {}
    return {"type": "array", "items": _rows(table, short), "minItems": 1, **bounds}


def _named(table: str, short: str) -> Schema:
    value = {"anyOf": [_ref(table), _value(KEYS[table][short].kind), {"type": "null"}]}
    return {"type": ["object", "null"], "propertyNames": _NAME, "additionalProperties": value}
