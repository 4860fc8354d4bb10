"""Inputs as a command line gives them: ``--input name=value`` and ``--inputs file.json``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from agent_runtime.cli.exit_codes import UsageError
from agent_runtime.workflow.model import InputSpec, ValueType

__all__ = ("add_inputs", "inputs_of")

_MAX_BYTES = 16_000_000
"""As much as a workflow file may have."""


def add_inputs(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that give inputs."""
    group = parser.add_argument_group("inputs")
    group.add_argument(
        "--input",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="one input; the value is text where the workflow declares a string, else JSON; may be repeated",
    )
    group.add_argument(
        "--inputs",
        metavar="FILE",
        help="a file with a JSON object of inputs, '-' for stdin; --input goes first",
    )


def inputs_of(given: Sequence[str], file: str | None, declared: Mapping[str, InputSpec]) -> dict[str, object]:
    """Return the inputs that a command line gives.

    Raises:
        UsageError: the file or a value is not what it should be.
    """
    inputs = {} if file is None else _read(file)
    seen: set[str] = set()
    for each in given:
        name, equals, text = each.partition("=")
        if not equals or not name:
            raise UsageError(f"--input {each}: write --input NAME=VALUE")
        if name in seen:
            raise UsageError(f"--input {each}: the input '{name}' is given twice; give an array as JSON")
        seen.add(name)
        spec = declared.get(name)
        inputs[name] = _value(text, name, ValueType.ANY if spec is None else spec.type)
    return inputs


def _value(text: str, name: str, type_: ValueType) -> object:
    """Read one value: as JSON, unless a string is wanted, or nothing is said and it is no JSON."""
    if type_ is ValueType.STRING:
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        if type_ is ValueType.ANY:
            return text
        example = {"array": "[1, 2]", "object": '{"a": 1}', "boolean": "true"}.get(type_.value, "3")
        raise UsageError(
            f"--input {name}={text}: the input '{name}' is of the type {type_.value}, and this is not JSON;"
            f" write --input '{name}={example}', say"
        ) from None


def _read(file: str) -> dict[str, object]:
    name = "<stdin>" if file == "-" else file
    try:
        data = sys.stdin.buffer.read(_MAX_BYTES + 1) if file == "-" else _bytes_of(Path(file))
        if len(data) > _MAX_BYTES:
            raise UsageError(f"{name}: the file has more than {_MAX_BYTES} bytes")
        value: object = json.loads(data)
    except json.JSONDecodeError as error:
        raise UsageError(f"{name}:{error.lineno}:{error.colno}: this is not JSON: {error.msg}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{name}: the file is not UTF-8; save it as UTF-8") from None
    except RecursionError:
        raise UsageError(f"{name}: the JSON is nested too deeply") from None
    except OSError as error:
        raise UsageError(f"{name}: the file cannot be read: {error.strerror or error}") from None
    if not isinstance(value, dict):
        raise UsageError(f'{name}: inputs are a JSON object, such as {{"name": "value"}}')
    return value


def _bytes_of(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_MAX_BYTES + 1)
