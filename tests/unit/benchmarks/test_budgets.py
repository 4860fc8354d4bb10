"""Budgets: what counts as kept, missed and not measured."""

from __future__ import annotations

import dataclasses

import pytest

from benchmarks.budgets import Verdict, crowd_verdicts, latency_verdicts
from benchmarks.candidates import CANDIDATES
from benchmarks.model import Crowd, Latency, Spread

KEPT = {
    "handoff": 1.0,
    "ours": 4.0,
    "ours_script": 4.0,
    "ours_uvloop": 3.0,
    "new_thread": 28.0,
    "asyncio_run": 16.0,
    "loop_thread": 6.0,
    "anyio": 14.0,
    "loop_thread_uvloop": 4.5,
}
OURS = Crowd(
    "ours", 1000, limit=256, work_seconds=1.0, wall_seconds=1.4, longest_seconds=1.1, threads=1, descriptors=3
)


def latencies(ratios: dict[str, float]) -> dict[str, Latency]:
    return {
        key: Latency(key, Spread(value, value, value), Spread(value, value, value))
        for key, value in ratios.items()
    }


def missed(verdicts: list[Verdict]) -> list[str]:
    return [verdict.budget for verdict in verdicts if verdict.missed]


def test_every_latency_budget_holds_at_its_bound() -> None:
    verdicts = latency_verdicts(latencies(KEPT), CANDIDATES)

    assert [verdict.word for verdict in verdicts] == ["OK"] * 6


@pytest.mark.parametrize(
    ("key", "ratio", "budgets"),
    [
        pytest.param("ours_uvloop", 3.1, ["inside a loop, uvloop portal"], id="slow_uvloop_portal"),
        pytest.param("new_thread", 27.0, ["faster than a new thread a call"], id="fast_new_thread"),
        pytest.param("asyncio_run", 15.0, ["faster than asyncio.run in a script"], id="fast_asyncio_run"),
        pytest.param("anyio", 3.9, ["ahead of every other way, on asyncio"], id="a_library_is_ahead"),
        pytest.param(
            "loop_thread", 4.0, ["ahead of every other way, on asyncio"], id="written_by_hand_as_fast"
        ),
        pytest.param(
            "loop_thread_uvloop",
            2.9,
            ["ahead of every other way, on uvloop"],
            id="written_by_hand_on_uvloop_is_ahead",
        ),
        pytest.param(
            "ours",
            5.1,
            ["inside a loop, asyncio portal", "faster than a new thread a call"],
            id="slow_inside_a_loop",
        ),
    ],
)
def test_a_budget_is_missed_beyond_its_bound(key: str, ratio: float, budgets: list[str]) -> None:
    verdicts = latency_verdicts(latencies({**KEPT, key: ratio}), CANDIDATES)

    assert missed(verdicts) == budgets


def test_a_budget_without_numbers_counts_as_missed_and_says_so() -> None:
    found = latencies({key: value for key, value in KEPT.items() if key != "ours_uvloop"})
    found["ours_uvloop"] = Latency("ours_uvloop", None, None, "uvloop is not installed")

    verdict = latency_verdicts(found, CANDIDATES)[1]

    assert (verdict.word, verdict.missed) == ("not measured", True)


def test_the_fastest_rival_is_named() -> None:
    on_asyncio, on_uvloop = latency_verdicts(latencies(KEPT), CANDIDATES)[-2:]

    assert on_asyncio.measured == "1.50 x run_coroutine_threadsafe().result()"
    assert on_uvloop.measured == "1.50 x run_coroutine_threadsafe().result(), uvloop"


def test_a_crowd_within_its_budgets_misses_none() -> None:
    verdicts = crowd_verdicts([OURS, dataclasses.replace(OURS, callers=1)], ours="ours", floor="sleep")

    assert [verdict.word for verdict in verdicts] == ["OK", "OK", "OK"]


@pytest.mark.parametrize(
    ("change", "budgets"),
    [
        pytest.param({"threads": 2}, ["threads beyond the callers"], id="a_second_thread"),
        pytest.param({"descriptors": 6}, ["descriptors, however many callers"], id="more_descriptors"),
        pytest.param(
            {"wall_seconds": 1.6}, ["1,000 callers, 1 s each, ulimit -n 256"], id="one_after_another"
        ),
        pytest.param(
            {"problem": "OSError: too many open files", "failures": 3},
            [
                "threads beyond the callers",
                "descriptors, however many callers",
                "1,000 callers, 1 s each, ulimit -n 256",
            ],
            id="a_failed_call_spoils_all",
        ),
    ],
)
def test_a_crowd_misses_its_budget(change: dict[str, object], budgets: list[str]) -> None:
    alone = dataclasses.replace(OURS, callers=1)
    crowd = Crowd(**{**dataclasses.asdict(OURS), **change})

    assert missed(crowd_verdicts([alone, crowd], ours="ours", floor="sleep")) == budgets


def test_short_work_is_compared_with_plain_threads_and_binds_nobody() -> None:
    floor = Crowd("sleep", 1000, limit=0, work_seconds=0.05, wall_seconds=0.1)
    short = dataclasses.replace(OURS, work_seconds=0.05, wall_seconds=0.2, limit=0)

    verdict = crowd_verdicts([floor, short], ours="ours", floor="sleep")[-1]

    assert (verdict.measured, verdict.word, verdict.missed) == ("2.00 x", "for comparison", False)


def test_no_crowd_of_ours_gives_no_verdict() -> None:
    assert crowd_verdicts([], ours="ours", floor="sleep") == []
