"""Answers that are data: read from what a model has written, held against what the step says of them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from agent_runtime.errors.stacks import is_of_the_caller
from agent_runtime.loading import fits
from agent_runtime.tools import Faults, Field, Shape, record
from agent_runtime.workflow.agent_options import AnswerField, AnswerSpec
from agent_runtime.workflow.model import ValueType

__all__ = ("Answers", "correction")

_FENCED = re.compile(r"\A\s*```(?:json)?\s*\n(.*?)\n?\s*```\s*\Z", re.DOTALL)
MAX_FAULTS = 10
"""What a model is told of a wrong answer; more would not help it."""


class Answers:
    """What an agent's answers must be; threads may share it.

    Args:
        spec: what the file says.

    Attributes:
        schema: the same as JSON Schema, for the model.
        repairs: how often the model is told what is wrong.
    """

    def __init__(self, spec: AnswerSpec) -> None:
        self._spec = spec
        self._shape = None if spec.fields is None else _shape_of(spec.fields)
        self.repairs = spec.repairs
        self.schema: Mapping[str, object]
        if spec.schema is not None:
            self.schema = spec.schema
        elif self._shape is not None:
            self.schema = self._shape.schema
        else:
            self.schema = {} if spec.type is ValueType.ANY else {"type": spec.type.value}

    def read(self, content: object, faults: Faults) -> object:
        """Return the value that an answer stands for; what is wrong with it goes into the faults."""
        if not isinstance(content, str):
            value = content  # a client may have read it already
        else:
            fenced = _FENCED.match(content)
            try:
                value = json.loads(fenced[1] if fenced else content)
            except (ValueError, RecursionError) as error:
                if is_of_the_caller(error):
                    raise
                faults.append(f"it is not JSON: {error}")
                return None
        if not fits(value, self._spec.type):
            faults.append(f"it must be of the type {self._spec.type.value}")
        elif self._shape is not None:
            value = self._shape.read(value, "$", faults)
        elif self._spec.check is not None:
            faults += self._spec.check(value)
        del faults[MAX_FAULTS:]
        return value

    def response_format(self) -> dict[str, object]:
        """Return what a client tells the server of the answer."""
        return {"type": "json_schema", "json_schema": {"name": "answer", "schema": self.schema}}


def correction(faults: Sequence[str]) -> str:
    """Return what a model is told of a wrong answer."""
    listed = "\n".join(f"- {fault}" for fault in faults)
    return f"Your answer cannot be used:\n{listed}\nAnswer again, with nothing but the corrected JSON."


def _shape_of(fields: Mapping[str, AnswerField]) -> Shape:
    return record({name: Field(_field(field), field.required) for name, field in fields.items()})


def _field(field: AnswerField) -> Shape:
    schema: dict[str, object] = {} if field.type is ValueType.ANY else {"type": field.type.value}
    if field.items is not None and field.items is not ValueType.ANY:
        schema["items"] = {"type": field.items.value}
    if field.choices:
        schema["enum"] = list(field.choices)
    if field.description:
        schema["description"] = field.description

    def read(value: object, path: str, faults: Faults) -> object:
        if not fits(value, field.type):
            faults.append(f"{path}: must be of the type {field.type.value}")
        elif field.choices and value not in field.choices:
            listed = ", ".join(map(repr, field.choices))
            faults.append(f"{path}: must be one of {listed}, not {value!r:.60}")
        elif field.items is not None and isinstance(value, Sequence):
            wrong = [index for index, item in enumerate(value) if not fits(item, field.items)]
            faults += (f"{path}[{index}]: must be of the type {field.items.value}" for index in wrong)
        return value

    return Shape(schema, read)
