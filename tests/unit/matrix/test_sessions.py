"""Probes that are given sessions: which cells they have, what each target makes of them, who is left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from matrix.cells import Selection, select
from matrix.model import Outcome
from matrix.perform import judge_here
from matrix.plan import plan
from matrix.registry import RegistryError

if TYPE_CHECKING:
    from matrix.perform import Finding
    from tests.helpers.registries import Toy

SESSIONS = """
from matrix.model import EntryPoint, Item

ENTRY_POINT = EntryPoint("sessions", label="sessions()", without={"impossible": "it has no hands"})


def call(source, inputs):
    return dict(inputs)


async def call_async(source, inputs):
    return dict(inputs)


def open_session(source):
    return Session()


class Session:
    closed = False

    def run(self, inputs):
        return dict(inputs)

    def stream(self, inputs):
        yield Item("a", 1)
        yield Item("b", 2)

    def close(self):
        self.closed = True

    async def run_async(self, inputs):
        return dict(inputs)

    async def stream_async(self, inputs):
        for item in self.stream(inputs):
            yield item

    async def close_async(self):
        self.close()
"""
READS = """
session = run(Source("name: toy"))
expect(got=session.run({"n": 1}), wanted={"n": 1}, of="outputs")
expect(got=[tuple(item) for item in session.stream({})], wanted=[("a", 1), ("b", 2)], of="items")
session.close()
"""
LOSES_ITEMS = """
def open_session(source):
    session = run(source)
    session.stream = lambda inputs: iter([])
    return session
return open_session
"""
PEER = """
import asyncio
from matrix.model import Peer, Refused

PEER = Peer("whole", summary="toy")


def call(source, inputs):
    return asyncio.run(source.run_async(inputs))


def stream(source, inputs):
    async def items():
        return [item async for item in source.stream_async(inputs)]

    yield from asyncio.run(items())
"""


@pytest.fixture
def sessions(toy: Toy) -> Toy:
    toy.write("entry_points", "sessions", SESSIONS).context().probe()
    toy.probe("reads", READS, broken=LOSES_ITEMS, more="session=True")
    return toy.write("peers", "whole", PEER).peer(
        "calls_only", "return asyncio.run(source.run_async(inputs))"
    )


def judged(toy: Toy, target: str) -> Finding:
    registry = toy.registry()
    (cell,) = select(registry, Selection(targets=(target,), probes=("reads",)))
    return judge_here(registry, cell, None)


def test_probe_of_sessions_has_cells_only_where_an_entry_point_opens_some(sessions: Toy) -> None:
    found = [cell.id for cell in select(sessions.registry(), Selection())]

    assert found == [
        "agent_runtime/sessions/script/reads",
        "agent_runtime/sessions/script/works",
        "agent_runtime/toy/script/works",
        "control/sessions/script/reads",
        "control/sessions/script/works",
    ]


@pytest.mark.parametrize(
    ("target", "outcome"),
    [
        pytest.param("agent_runtime", Outcome.PASS, id="ours"),
        pytest.param("control", Outcome.FAIL, id="control"),
        pytest.param("whole", Outcome.PASS, id="peer_through_its_bridges"),
    ],
)
def test_each_target_opens_its_own_sessions(sessions: Toy, target: str, outcome: Outcome) -> None:
    assert judged(sessions, target).outcome is outcome


def test_peer_that_refuses_where_items_are_asked_for_is_refused(sessions: Toy) -> None:
    sessions.write(
        "peers", "whole", PEER.replace("    yield from", "    raise Refused('not here')\n    yield from")
    )

    finding = judged(sessions, "whole")

    assert (finding.outcome, finding.detail) == (Outcome.REFUSED, "not here")


def test_probe_of_sessions_that_opens_none_is_an_error(sessions: Toy) -> None:
    sessions.probe("reads", "pass", broken=LOSES_ITEMS, more="session=True")

    finding = judged(sessions, "agent_runtime")

    assert (finding.outcome, finding.detail) == (Outcome.ERROR, "check never called run")


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        pytest.param(
            {"targets": ("calls_only",), "probes": ("reads",)},
            "calls_only has no way to iterate over an async generator",
            id="peer_that_cannot_iterate",
        ),
        pytest.param(
            {"probes": ("impossible",), "targets": ("agent_runtime",), "entry_points": ("sessions",)},
            "it has no hands",
            id="promise_that_an_entry_point_cannot_make",
        ),
    ],
)
def test_cell_that_means_nothing_is_skipped_with_the_reason(
    sessions: Toy, parts: dict[str, tuple[str, ...]], reason: str
) -> None:
    registry = sessions.probe("impossible").registry()
    planned = plan(registry, select(registry, Selection(**parts)), ci=True)

    assert [(record.outcome, record.detail) for record in planned.settled] == [(Outcome.SKIP, reason)]


@pytest.mark.parametrize(
    ("folder", "name", "text", "sentence"),
    [
        pytest.param(
            "entry_points",
            "sessions",
            SESSIONS.replace("open_session(source)", "open_session()"),
            "write def open_session(source)",
            id="open_session",
        ),
        pytest.param(
            "peers",
            "whole",
            PEER.replace("stream(source, inputs):", "stream(source):"),
            "write def stream(source, inputs)",
            id="stream",
        ),
    ],
)
def test_optional_function_that_cannot_be_called_is_refused(
    sessions: Toy, folder: str, name: str, text: str, sentence: str
) -> None:
    sessions.write(folder, name, text)

    with pytest.raises(RegistryError, match=sentence.replace("(", r"\(").replace(")", r"\)")):
        sessions.registry().verify()
