"""Which keys a workflow file has and what each may hold: one table, for what reads files and for editors.

:class:`~agent_runtime.loading.form.Form` refuses keys that are not here and values out of bounds; the JSON
Schema of the format is made from the same rows.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

from agent_runtime.workflow.model import AtMax, OnError, OnToolError, RunsOn, ValueType

__all__ = (
    "ACTIONS",
    "FORMAT_VERSION",
    "KEYS",
    "MAX_LINE",
    "MAX_STEPS",
    "Count",
    "Key",
    "Kind",
    "ListOf",
    "Named",
    "Number",
    "Plain",
    "Rows",
    "Word",
    "step_keys",
)

FORMAT_VERSION = 1
"""The version of the format that is described here, and the newest that can be read."""

MAX_STEPS = 50_000

MAX_LINE = 200
"""Characters in what stands in logs and messages; a guess."""

_MAX_SECONDS = 1_000_000_000
"""Thirty years; event loops cannot count much further."""


class Plain(enum.Enum):
    """Kinds of values that need no bounds."""

    TEXT = "a text"
    TITLE = "a text in one line"
    NAME = "a text that can stand in a reference"
    VERSION = "a text or a whole number"
    FLAG = "true or false"
    NAMES = "a text or a list of texts"
    CONDITION = "exactly one reference, true or false"
    VALUES = "a mapping of values with references in them"
    ARGUMENTS = "such a mapping, or nothing"
    DATA = "any value, without references"
    SCHEMA = "a JSON Schema"
    ITEMS = "a list, or exactly one reference"
    CONTENT = "a text or a list, with references in it"
    LINE = "a text, with references in it"
    CHOICES = "a list of texts and numbers"


class Number(NamedTuple):
    """A finite number; ``above`` excludes the minimum."""

    minimum: float = 0.0
    maximum: float = _MAX_SECONDS
    above: bool = False
    what: str = "a number of seconds"


class Count(NamedTuple):
    """A whole number within bounds."""

    minimum: int
    maximum: int


class Word(NamedTuple):
    """One of a closed set of words."""

    words: type[enum.Enum]


class Rows(NamedTuple):
    """A mapping with keys of its own, a table of :data:`KEYS`; of ``short``, its value alone will do."""

    table: str
    short: str = ""


class ListOf(NamedTuple):
    """A list of such mappings, with at least one; where ``short`` says a key, its value alone will do."""

    table: str
    short: str = ""


class Named(NamedTuple):
    """A mapping from names to such mappings; where ``short`` says a key, its value alone will do."""

    table: str
    short: str = ""


Kind: TypeAlias = Plain | Number | Count | Word | Rows | ListOf | Named


class Key(NamedTuple):
    """One key.

    Attributes:
        kind: what its value may be.
        about: what it means, for people.
        required: whether the mapping needs it.
    """

    kind: Kind
    about: str
    required: bool = False


_SECONDS = Number(above=True)

_CALL = {
    "with": Key(Plain.ARGUMENTS, "arguments, passed as keywords"),
    "thread": Key(Word(RunsOn), "where a plain def runs"),
}

ACTIONS: Mapping[str, Mapping[str, Key]] = {
    "agent": {"agent": Key(Rows("agent"), "ask the language model")},
    "function": {"function": Key(Plain.TEXT, "call the function registered under this name"), **_CALL},
    "tool": {"tool": Key(Plain.TEXT, "call the tool registered under this name"), **_CALL},
    "workflow": {
        "workflow": Key(Plain.TEXT, "run another workflow: a registered name, or a path that begins with ./"),
        "with": Key(Plain.ARGUMENTS, "its inputs"),
    },
    "approval": {"approval": Key(Rows("approval", short="message"), "wait until somebody has decided")},
    "steps": {"steps": Key(ListOf("step"), "steps as one step")},
    "parallel": {
        "parallel": Key(ListOf("step"), "steps that do not wait for each other, as one step"),
        "concurrency": Key(Count(1, 10_000), "how many of them may run at once; all by default"),
    },
}
"""What a step can do, by the key that says so; each with the keys that only such steps have."""

_ATTEMPTS = {
    "retry": Key(Rows("retry"), "how often to try, after which errors, and how long to wait in between"),
    "timeout": Key(_SECONDS, "seconds that one attempt may take"),
}

KEYS: Mapping[str, Mapping[str, Key]] = {
    "workflow": {
        "version": Key(Count(1, FORMAT_VERSION), "the version of the format that the file is written in"),
        "name": Key(Plain.TITLE, "for people; the file's name by default"),
        "id": Key(Plain.TITLE, "for logs and the LLM client's metadata; the name by default"),
        "description": Key(Plain.TEXT, "for people"),
        "timeout": Key(_SECONDS, "seconds that a run may take"),
        "inputs": Key(Named("input", short="type"), "what goes in, by name"),
        "steps": Key(
            ListOf("step"), "what is done; each step when what it refers to is ready", required=True
        ),
        "outputs": Key(Plain.VALUES, "what comes out, by name; every step's output by default"),
        "output_types": Key(Named("output", short="type"), "what must come out, by name"),
    },
    "input": {
        "type": Key(Word(ValueType), "what its value must be"),
        "default": Key(Plain.DATA, "its value when a run is not given it"),
        "schema": Key(Plain.SCHEMA, "a JSON Schema that its value must fit"),
        "required": Key(Plain.FLAG, "whether a run must be given it; true unless there is a default"),
        "description": Key(Plain.TEXT, "for people"),
    },
    "output": {
        "type": Key(Word(ValueType), "what its value must be"),
        "schema": Key(Plain.SCHEMA, "a JSON Schema that its value must fit"),
        "description": Key(Plain.TEXT, "for people"),
    },
    "step": {
        "id": Key(Plain.NAME, "its name in references", required=True),
        "when": Key(Plain.CONDITION, "whether to run the step at all"),
        "needs": Key(Plain.NAMES, "steps to wait for that it does not refer to"),
        **_ATTEMPTS,
        "for_each": Key(Rows("for_each", short="in"), "do it once for each item of a list"),
        "repeat": Key(Rows("repeat"), "do it again and again, one time after the other"),
        "fallback": Key(Rows("standby"), "what to do when every attempt has failed"),
        "compensate": Key(Rows("standby"), "what undoes it, if the run fails after it has succeeded"),
        "on_error": Key(Word(OnError), "what a failure means for the run"),
    },
    "standby": _ATTEMPTS,
    "for_each": {
        "in": Key(Plain.ITEMS, "the items", required=True),
        "concurrency": Key(Count(1, 10_000), "how many items may be worked on at once; 16 by default"),
        "on_error": Key(Word(OnError), "what the failure of one item means for the step"),
    },
    "repeat": {
        "max": Key(Count(1, 1_000_000), "how often at most", required=True),
        "until": Key(Plain.CONDITION, "end when this is true after a time"),
        "while": Key(Plain.CONDITION, "end when this is not true before a time"),
        "delay": Key(Number(), "seconds between two times"),
        "at_max": Key(Word(AtMax), "what it means that neither condition has ended it"),
    },
    "retry": {
        "attempts": Key(Count(1, 1_000), "how often to try in all"),
        "backoff": Key(Number(), "seconds to wait before the second attempt"),
        "factor": Key(Number(1.0, 100.0, what="a number"), "by what the wait grows each time; 2 by default"),
        "max_backoff": Key(Number(), "seconds to wait at most; an hour by default"),
        "jitter": Key(Number(0.0, 1.0, what="a number"), "part of the wait that is left to chance, 0 to 1"),
        "on": Key(Plain.NAMES, "errors to try again after, by name; any by default"),
    },
    "agent": {
        "scenario": Key(Plain.TEXT, "name of the prompt"),
        "version": Key(Plain.VERSION, "version of the prompt"),
        "with": Key(Plain.ARGUMENTS, "the inputs of the prompt"),
        "messages": Key(
            ListOf("message"), "what is asked; after the messages of the prompt, if there is one"
        ),
        "config": Key(Plain.VALUES, "settings for the client"),
        "tools": Key(ListOf("agent_tool", short="name"), "what the model may call"),
        "max_turns": Key(Count(1, 1_000), "how often the model is asked at most; 8 by default"),
        "concurrency": Key(Count(1, 1_000), "how many tools may run at once; 8 by default"),
        "on_tool_error": Key(Word(OnToolError), "what an exception of a tool means; fail by default"),
        "output": Key(Rows("answer", short="type"), "what the answer must be, as JSON"),
        "memory": Key(Rows("memory", short="name"), "the conversation that this goes on with"),
    },
    "agent_tool": {
        "name": Key(Plain.TEXT, "under which the tool is registered", required=True),
        "thread": Key(Word(RunsOn), "where a plain def runs"),
        "on_error": Key(Word(OnToolError), "what an exception of this tool means"),
    },
    "answer": {
        "type": Key(Word(ValueType), "what the whole must be; object by default"),
        "fields": Key(Named("field", short="type"), "the parts of an object, by name"),
        "schema": Key(Plain.SCHEMA, "a JSON Schema that the answer must fit"),
        "repairs": Key(Count(0, 10), "how often the model is told what is wrong; 2 by default"),
    },
    "field": {
        "type": Key(Word(ValueType), "what its value must be"),
        "items": Key(Word(ValueType), "what the items of an array must be"),
        "enum": Key(Plain.CHOICES, "what its value may be"),
        "required": Key(Plain.FLAG, "whether the answer must have it; true by default"),
        "description": Key(Plain.TEXT, "for the model"),
    },
    "memory": {
        "name": Key(Plain.NAME, "of the conversation; steps that say the same name share it", required=True),
        "key": Key(Plain.LINE, "whose conversation it is, such as a user's id; that of the run by default"),
        "window": Key(Count(1, 100_000), "how many of the last messages are kept; all by default"),
        "summary": Key(Rows("summary", short="after"), "when older messages are summed up by the model"),
    },
    "summary": {
        "after": Key(Count(2, 100_000), "messages from which on older ones are summed up", required=True),
        "keep": Key(Count(0, 100_000), "how many of the last messages stay as they are; 10 by default"),
        "prompt": Key(Plain.TEXT, "what the model is asked to do"),
    },
    "approval": {
        "message": Key(Plain.LINE, "what is asked", required=True),
        "options": Key(Plain.NAMES, "what can be decided; approve and reject by default"),
    },
    "message": {
        "role": Key(Plain.TEXT, "who says it", required=True),
        "content": Key(Plain.CONTENT, "what is said", required=True),
    },
}
"""Every mapping of the file by its name here. A step, and what stands for one, has one action besides."""


def step_keys(table: str, kinds: list[str]) -> dict[str, Key]:
    """Return the keys of a step that does these things; of any step, if none is given."""
    keys = dict(KEYS[table])
    first = {"id": keys.pop("id")} if "id" in keys else {}
    actions = {kind: ACTIONS[kind][kind] for kind in ACTIONS}
    own = {key: row for kind in kinds or ACTIONS for key, row in ACTIONS[kind].items() if key != kind}
    return {**first, **actions, **dict(sorted(own.items())), **keys}
