"""What a sync call returns is what awaiting the async variant returns: every value, every type."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal

from matrix.model import Probe, Run, Source, expect

PROBE = Probe(
    "returns_the_async_value",
    claim="a sync call returns the value that the async variant returns",
    promise="S1",
)

_TEXT = """
name: values
inputs:
  subject: {type: string}
steps:
  - id: fetch
    tool: fetch
    with: {subject: "${inputs.subject}"}
  - id: shape
    function: shape
    with: {ticket: "${steps.fetch.output}"}
  - id: nothing
    tool: nothing
outputs:
  ticket: "${steps.fetch.output}"
  shaped: "${steps.shape.output}"
  nothing: "${steps.nothing.output}"
"""


@dataclass(frozen=True)
class _Ticket:
    subject: str
    tags: tuple[str, ...]


async def _fetch(subject: str) -> _Ticket:
    return _Ticket(subject, tags=("new", "urgent"))


def _shape(ticket: _Ticket) -> dict[object, object]:
    price = {"net": Decimal("9.99"), "paid": False}
    return {"lines": [ticket.subject, ticket.tags, b"\x00", 1.5, price], 7: {"open", "late"}}


async def _nothing() -> None:
    return None


_SOURCE = Source(_TEXT, functions={"shape": _shape}, tools={"fetch": _fetch, "nothing": _nothing})


def check(run: Run) -> None:
    ticket = _Ticket("leak", tags=("new", "urgent"))

    outputs = run(_SOURCE, {"subject": "leak"})

    expect(got=isinstance(outputs, Mapping), wanted=True, of="whether outputs are a mapping")
    wanted = {"ticket": ticket, "shaped": _shape(ticket), "nothing": None}
    expect(got=dict(outputs), wanted=wanted, of="outputs")
    expect(got=_types(outputs), wanted=_types(wanted), of="types of the outputs")


def _types(value: object) -> object:
    """Return the shape of a value with each leaf's type in place of the leaf."""
    if isinstance(value, Mapping):
        return {key: _types(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return type(value), [_types(part) for part in value]
    return type(value)


def broken(run: Run) -> Run:
    """Send the outputs through JSON, as a bridge with a process or a queue between might do."""

    def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
        text = json.dumps(dict(run(source, inputs)), default=_plain)
        outputs: dict[str, object] = json.loads(text)
        return outputs

    return call


def _plain(value: object) -> object:
    return asdict(value) if isinstance(value, _Ticket) else repr(value)
