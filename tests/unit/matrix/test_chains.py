"""Chains of contexts: each link is entered inside the one before it, and held to its facts there."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from matrix.__main__ import main
from matrix.cells import Selection, select
from matrix.chains import ChainError, chained, stated_facts
from matrix.expectations import Expectations
from matrix.model import Cell, Context, Outcome, Phase
from matrix.plan import does_not_apply
from matrix.registry import BUILT_IN, Registry
from matrix.run import judge_cells

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from matrix.record import Record
    from tests.helpers.registries import Toy

IN_A_THREAD = """
for cell in job.cells:
    thread = threading.Thread(target=job.perform, args=(cell,))
    thread.start()
    thread.join()
"""
LINK = "inside=Inside(keeps=('running_loop', 'main_thread'))"
THREAD = "inside=Inside(keeps=('kernel',))"


def records_of(registry: Registry, cells: Sequence[Cell], *, jobs: int = 1) -> dict[str, Record]:
    """Run some cells; return their records by their names."""
    judged = judge_cells(registry, cells, expectations=Expectations(), ci=False, jobs=jobs)
    return {one.cell.id: one.record for one in judged}


def record_in(toy: Toy, chain: str) -> Record:
    """Run the one probe of a toy registry in a chain."""
    cell = Cell("agent_runtime", "toy", chain, "works")
    return records_of(toy.registry(), [cell])[cell.id]


def links_around(record: Record) -> list[object]:
    """Return what was seen at the outer links."""
    chain = record.facts["chain"]
    assert isinstance(chain, list)
    return chain


def test_cell_runs_inside_every_link_and_the_facts_of_each_are_recorded(toy: Toy) -> None:
    toy.probe().context("script")
    toy.context("thread", IN_A_THREAD, facts="None, False, False", more=THREAD)
    toy.context("inner", facts="None, False, True", more=LINK)

    record = record_in(toy, "script+thread+inner")

    assert record.outcome is Outcome.PASS
    assert record.facts["main_thread"] is False, "inner keeps the thread that is around it"
    assert [(one["context"], one["main_thread"]) for one in links_around(record)] == [  # type: ignore[index]
        ("script", True),
        ("thread", False),
    ]


@pytest.mark.parametrize(
    ("chain", "wrong"),
    [
        pytest.param("liar+thread", "context degenerated: liar: main_thread is True", id="outer_link"),
        pytest.param("script+liar_inside", "context degenerated: main_thread is True", id="innermost_link"),
    ],
)
def test_link_that_is_not_what_it_states_is_an_error(toy: Toy, chain: str, wrong: str) -> None:
    toy.probe().context("script").context("liar", facts="None, False, False")
    toy.context("thread", IN_A_THREAD, facts="None, False, False", more=THREAD)
    toy.context("liar_inside", facts="None, False, False", more=THREAD)

    record = record_in(toy, chain)

    assert record.outcome is Outcome.ERROR
    assert record.detail.startswith(wrong)


@pytest.mark.parametrize(
    ("host", "said"),
    [
        pytest.param("raise OSError('no room')", "OSError: no room", id="raises"),
        pytest.param("raise SystemExit(3)", "SystemExit: 3", id="wants_to_end_the_process"),
        pytest.param("pass", "its host ended and had performed nothing", id="performs_nothing"),
    ],
)
def test_link_that_cannot_be_entered_is_an_error_and_the_next_cell_is_tried(
    toy: Toy, host: str, said: str
) -> None:
    toy.probe("works").probe("again").context("script").context("inner", host, more=LINK)
    registry = toy.registry()
    cells = [Cell("agent_runtime", "toy", "script+inner", probe) for probe in ("works", "again")]

    records = records_of(registry, cells)

    assert [record.outcome for record in records.values()] == [Outcome.ERROR] * 2
    assert {record.detail for record in records.values()} == {
        f"inner could not be entered inside script: {said}"
    }


def test_link_that_fails_after_its_cell_ends_its_host_as_any_context_would(toy: Toy) -> None:
    toy.probe().context("script").context("inner", "job.perform(job.cells[0])\nraise OSError", more=LINK)

    record = record_in(toy, "script+inner")

    assert (record.outcome, record.phase) == (Outcome.CRASH, Phase.EXIT)
    assert record.detail == "the host ended in OSError"


def test_crash_inside_a_chain_is_told_from_the_others(toy: Toy) -> None:
    toy.probe("works", "run(None, {})\nos.abort()").context("script").context("inner", more=LINK)

    assert record_in(toy, "script+inner").outcome is Outcome.CRASH


def test_script_of_a_chain_enters_every_link_and_judges_inside_the_last(
    toy: Toy, capfd: pytest.CaptureFixture[str]
) -> None:
    toy.probe("works", "print(threading.current_thread().name)\nrun(None, {})")
    toy.context("script").context("inner", more=LINK)
    toy.context("thread", IN_A_THREAD, facts="None, False, False", more=THREAD)

    code = main(
        ["repro", "agent_runtime/toy/script+thread+inner/works", "--registry", str(toy.root), "--run"]
    )

    assert code == 0
    assert re.search(r"Thread-1.*\npass\n", capfd.readouterr().out, re.DOTALL)


@pytest.mark.parametrize("chain", ["liar+thread", "script+liar_inside", "script+raises"])
def test_script_of_a_chain_that_degenerates_cannot_judge(
    toy: Toy, capfd: pytest.CaptureFixture[str], chain: str
) -> None:
    toy.probe().context("script").context("liar", facts="None, False, False")
    toy.context("thread", IN_A_THREAD, facts="None, False, False", more=THREAD)
    toy.context("liar_inside", facts="None, False, False", more=THREAD)
    toy.context("raises", "raise OSError('no room')", more=LINK)

    code = main(["repro", f"agent_runtime/toy/{chain}/works", "--registry", str(toy.root), "--run"])

    assert code == 125
    assert "error: " in capfd.readouterr().out


def test_script_of_a_chain_shows_what_a_run_of_it_says(capfd: pytest.CaptureFixture[str]) -> None:
    chain = "executor_thread+asyncio_run+executor_thread+asyncio_run"

    codes = {
        target: main(["repro", f"{target}/run_workflow/{chain}/returns_the_async_value", "--run"])
        for target in ("agent_runtime", "asyncio_run")
    }

    assert codes == {"agent_runtime": 0, "asyncio_run": 1}
    assert "refused: asyncio.run() cannot be called from a running event loop" in capfd.readouterr().out


def test_chain_is_explained_by_the_files_of_its_links(toy: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    toy.probe().context("script").context("inner", more=LINK)

    assert main(["explain", "agent_runtime/toy/script+inner/works", "--registry", str(toy.root)]) == 0

    assert "contexts/script.py:3, contexts/inner.py:3" in capsys.readouterr().out


CONTEXTS: Mapping[str, Context] = Registry().contexts()


@pytest.mark.parametrize(
    ("chain", "said"),
    [
        pytest.param("asyncio_run+asyncio_run", "asyncio_run+executor_thread+asyncio_run", id="loop_in_loop"),
        pytest.param(
            "executor_thread+signal_handler_idle",
            "signal_handler_idle needs the main thread",
            id="no_main_thread",
        ),
        pytest.param(
            "asyncio_run+jupyter_cell", "jupyter_cell cannot be entered inside", id="outermost_only"
        ),
        pytest.param("finaliser+finaliser", "finaliser cannot stand in a chain twice", id="twice"),
        pytest.param(
            "asyncio_run+finalizer", "'finalizer' is no context; nearest: finaliser", id="no_context"
        ),
        pytest.param("asyncio_run+", "'' is no context", id="nothing"),
    ],
)
def test_chain_that_cannot_be_is_refused_with_what_to_write(chain: str, said: str) -> None:
    with pytest.raises(ChainError) as refused:
        chained(chain, CONTEXTS)

    assert said in str(refused.value)


def test_refusal_reaches_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cell = "agent_runtime/run_workflow/asyncio_run+uvloop_run/returns_the_async_value"

    assert main(["run", "--cell", cell, "--results", str(tmp_path)]) == 2
    assert "write a thread between" in capsys.readouterr().err


def test_chain_states_the_facts_of_its_innermost_link_but_for_what_that_keeps() -> None:
    facts = chained("asyncio_run_in_thread+finaliser", CONTEXTS).facts

    assert facts.running_loop == CONTEXTS["asyncio_run"].facts.running_loop
    assert (facts.main_thread, facts.current_task) == (False, True)
    assert facts.evidence == CONTEXTS["finaliser"].facts.evidence


def test_chain_needs_and_is_given_what_all_its_links_are() -> None:
    chain = chained("jupyter_cell+executor_thread+uvloop_run", CONTEXTS)

    assert chain.requires == ("ipykernel", "nbclient", "uvloop")
    assert chain.platforms == ("darwin", "linux")
    assert chain.enter_limit == 60.0 + 30.0 + 30.0


def test_gate_and_list_have_no_chains(capsys: pytest.CaptureFixture[str]) -> None:
    registry = Registry()
    registry.context("asyncio_run+finaliser")

    assert main(["list", "--json"]) == 0

    assert [name for name in json.loads(capsys.readouterr().out)["contexts"] if "+" in name] == []
    assert [cell for cell in select(Registry(), Selection()) if "+" in cell.context] == []


def outermost_for(link: str) -> str | None:
    """Return a context inside which a link can be entered; None where it can be entered nowhere."""
    for outer in ("asyncio_run", "plain_script"):
        try:
            stated_facts([CONTEXTS[outer], CONTEXTS[link]])
        except ChainError:
            continue
        return outer
    return None


EVERY_LINK = [f"{outer}+{link}" for link in CONTEXTS if (outer := outermost_for(link))]


def test_every_context_but_those_with_a_process_of_their_own_can_be_a_link() -> None:
    outermost = set(CONTEXTS) - {chain.partition("+")[2] for chain in EVERY_LINK}

    assert outermost == {
        "anyio_worker_thread",
        "asgiref_sync_to_async",
        "atexit_cold",
        "atexit_older",
        "celery_prefork",
        "debugpy_breakpoint",
        "django_asgi_sync_view",
        "django_hypercorn_view",
        "eventlet_greenthread",
        "gevent_greenlet",
        "gevent_main",
        "gevent_threadpool",
        "greenlet_interleaved",
        "gunicorn_gevent",
        "interpreter_pool",
        "jupyter_cell",
        "jupyter_cell_awaiting",
        "jupyter_thread_loop",
        "late_thread",
        "plain_script",
        "subinterpreter",
        "thread_refused",
        "uvloop_policy",
        "uwsgi_second_app",
        "uwsgi_worker",
    }


LONG = [
    "jupyter_cell+executor_thread+asyncio_run",
    "fastapi_async_route+signal_handler_idle+finaliser+module_body",
    "fastapi_sync_route+asyncio_run+finaliser",
    "nested_threads+uvloop_run+executor_thread+trio_run",
]


@pytest.fixture(scope="module")
def real_chains() -> Mapping[str, Record]:
    """Two cells in each chain of real contexts, so that each link is entered twice."""
    registry = Registry(BUILT_IN)
    cells = [
        Cell("agent_runtime", "run_workflow", chain, probe)
        for chain in (*EVERY_LINK, *LONG)
        for probe in ("returns_the_async_value", "keeps_context_variables")
    ]
    return records_of(registry, [cell for cell in cells if does_not_apply(registry, cell) is None], jobs=2)


@pytest.mark.slow
@pytest.mark.parametrize("chain", [*EVERY_LINK, *LONG])
def test_contract_holds_in_chains_of_real_contexts(real_chains: Mapping[str, Record], chain: str) -> None:
    records = [record for record in real_chains.values() if record.cell.context == chain]

    for record in records:
        if record.outcome is Outcome.SKIP:
            pytest.skip(record.detail)
        assert record.outcome is Outcome.PASS, f"{record.detail}\n{record.traceback}"
        outer = [one["context"] for one in links_around(record)]  # type: ignore[index]
        assert outer == chain.split("+")[:-1]
