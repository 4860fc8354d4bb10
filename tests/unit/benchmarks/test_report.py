"""The report: tables whose columns stand in line, and everything in the JSON."""

from __future__ import annotations

import json

from benchmarks.budgets import Verdict
from benchmarks.candidates import CANDIDATES
from benchmarks.model import Crowd, Latency, Spread
from benchmarks.report import Results, as_json, as_markdown, table

RESULTS = Results(
    machine={"Python": "3.11.0", "cores": "2"},
    rounds=5,
    latencies={
        "handoff": Latency("handoff", Spread(7.0, 6.9, 8.0), Spread(1.0, 1.0, 1.0)),
        "anyio": Latency("anyio", None, None, "anyio is not installed"),
        "ours": Latency("ours", Spread(28.0, 27.0, 30.0), Spread(4.0, 3.9, 4.2)),
    },
    crowds=[
        Crowd("ours", 1000, 256, 1.0, 1.1, 1.01, threads=1, descriptors=3, memory_bytes=2_500_000),
        Crowd("asyncio_run", 1000, 256, 1.0, 1.2, 1.1, failures=7, problem="OSError: no"),
        Crowd("anyio", 10, 0, 1.0, problem="anyio is not installed"),
    ],
    verdicts=[Verdict("inside a loop, asyncio portal", "<= 5 x hand-off", "4.0 x", ok=True)],
)


def rows_with(text: str) -> list[list[str]]:
    lines = as_markdown(RESULTS, CANDIDATES).splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if text in line]


def test_table_columns_stand_in_line() -> None:
    text = table(("name", "µs"), [("a", "1.5"), ("longer", "10.0")], left=1)

    assert text.splitlines() == [
        "| name   |   µs |",
        "| ------ | ---: |",
        "| a      |  1.5 |",
        "| longer | 10.0 |",
    ]


def test_table_without_rows_is_its_head() -> None:
    assert table(("a", "b"), [], left=2).splitlines() == ["| a   | b   |", "| --- | --- |"]


def test_latencies_come_fastest_first_and_the_unmeasured_last() -> None:
    text = as_markdown(RESULTS, CANDIDATES)

    assert text.index("raw hand-off") < text.index("agent_runtime run_sync") < text.index("anyio Blocking")


def test_a_latency_shows_median_quartiles_and_ratio() -> None:
    assert rows_with("agent_runtime run_sync") == [
        ["agent_runtime run_sync", "in a loop", "28.0 (27.0-30.0)", "4.0 (3.9-4.2)"]
    ]


def test_what_could_not_be_measured_says_why() -> None:
    assert [row[-2:] for row in rows_with("anyio Blocking")] == [["anyio is not installed", "-"]]


def test_a_crowd_shows_its_limit_and_what_it_took() -> None:
    assert ["agent_runtime, ulimit -n 256", "1,000", "1", "1.100", "1.010", "1", "3", "2.5", ""] in rows_with(
        "ulimit"
    )


def test_a_crowd_with_failures_counts_them() -> None:
    assert rows_with("asyncio.run, ulimit")[0][-1] == "7 failed, OSError: no"


def test_a_verdict_shows_budget_limit_measured_and_word() -> None:
    assert rows_with("asyncio portal") == [
        ["inside a loop, asyncio portal", "<= 5 x hand-off", "4.0 x", "OK"]
    ]


def test_json_holds_everything_and_its_schema() -> None:
    found = json.loads(as_json(RESULTS))

    assert found["schema"] == 1
    assert found["latencies"]["ours"]["ratio"] == {"median": 4.0, "low": 3.9, "high": 4.2}
    assert found["crowds"][0]["descriptors"] == 3
    assert found["verdicts"][0]["ok"] is True
