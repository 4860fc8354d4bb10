"""JUnit XML of a run: what a CI server counts, and text that XML cannot hold."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

from matrix.expectations import Expectation, Expectations
from matrix.model import Cell, Outcome
from matrix.record import Record
from tests.helpers.runs import write_run

if TYPE_CHECKING:
    from pathlib import Path

    from tests.helpers.registries import Toy

# The order of elements and the attributes of the schema that CI servers share (that of Ant's JUnit task).
ATTRIBUTES = {
    "testsuites": {"name", "tests", "failures", "errors", "skipped", "time"},
    "testsuite": {"name", "tests", "failures", "errors", "skipped", "time"},
    "testcase": {"classname", "name", "time"},
    "failure": {"message", "type"},
    "error": {"message", "type"},
    "skipped": {"message"},
    "property": {"name", "value"},
}
ORDER = ["properties", "testcase", "skipped", "error", "failure", "system-out", "system-err"]


def cell(probe: str, context: str = "script", target: str = "agent_runtime") -> Cell:
    return Cell(target, "toy", context, probe)


@pytest.fixture
def small(toy: Toy) -> Toy:
    """Two contexts, two probes."""
    return toy.context("script").context("notebook").probe("works").probe("leaks")


def written(folder: Path) -> ET.Element:
    return ET.fromstring((folder / "junit.xml").read_bytes())


def test_each_context_is_a_suite_and_each_cell_a_case(small: Toy, tmp_path: Path) -> None:
    write_run(tmp_path, small)

    root = written(tmp_path)

    assert root.attrib == {
        "name": "matrix", "tests": "8", "failures": "0", "errors": "0", "skipped": "0", "time": "2.000"
    }  # fmt: skip
    assert [suite.get("name") for suite in root] == ["notebook", "script"]
    assert root[0].find("properties/property").attrib == {  # type: ignore[union-attr]  # it is there
        "name": "environment",
        "value": "CPython 3.11.7 on Linux",
    }
    assert root[1].find("testcase").attrib == {  # type: ignore[union-attr]  # it is there
        "classname": "agent_runtime.script.toy",
        "name": "leaks",
        "time": "0.250",
    }


@pytest.mark.parametrize(
    ("record", "kind", "counter"),
    [
        pytest.param(Record(cell("works"), Outcome.FAIL, "lost"), "failure", "failures", id="regression"),
        pytest.param(Record(cell("works"), Outcome.ERROR, "lost"), "error", "errors", id="matrix_failed"),
        pytest.param(Record(cell("works"), Outcome.SKIP, "lost"), "skipped", "skipped", id="skip"),
        pytest.param(
            Record(cell("works", target="control"), Outcome.PASS, "lost"), "error", "errors", id="uncaught"
        ),
    ],
)
def test_cell_is_counted_as_what_came_of_it(
    small: Toy, tmp_path: Path, record: Record, kind: str, counter: str
) -> None:
    write_run(tmp_path, small, [record])

    root = written(tmp_path)

    (found,) = [element for element in root.iter() if element.tag in ("failure", "error", "skipped")]
    assert found.tag == kind
    assert [root.get(name) for name in ("tests", counter)] == ["8", "1"]


def test_failure_has_reason_command_traceback_and_stacks(small: Toy, tmp_path: Path) -> None:
    record = Record(
        cell("works"), Outcome.HANG, "waits", traceback="Trace <x>", stacks="Thread 1", output="said"
    )
    write_run(tmp_path, small, [record])

    case = next(case for case in written(tmp_path).iter("testcase") if len(case))

    assert [child.tag for child in case] == ["failure", "system-out"]
    assert case[0].attrib == {"message": "hang: waits", "type": "hang"}
    assert case[0].text == (
        "hang: waits\n\npython -m matrix run --cell agent_runtime/toy/script/works\n\nTrace <x>\n\nThread 1"
    )
    assert case[1].text == "said"


def test_known_failure_is_skipped_with_its_reason(small: Toy, tmp_path: Path) -> None:
    known = Expectation(("agent_runtime/*/script/works",), Outcome.FAIL, reason="the kernel", issue="#12")
    write_run(
        tmp_path, small, [Record(cell("works"), Outcome.FAIL, "lost")], expectations=Expectations((known,))
    )

    root = written(tmp_path)

    assert root.get("failures") == "0"
    assert root.find(".//skipped").get("message") == "known failure, #12: the kernel: lost"  # type: ignore[union-attr]  # it is there


def test_text_that_xml_cannot_hold_is_replaced(small: Toy, tmp_path: Path) -> None:
    hostile = 'null \0, escape \x1b[31m, surrogate \udc80, \uffff, ]]> & "quote" \U0001f600'
    write_run(
        tmp_path, small, [Record(cell("works"), Outcome.FAIL, hostile, traceback=hostile, output=hostile)]
    )

    failure = written(tmp_path).find(".//failure")

    assert failure is not None
    assert failure.get("message") == (
        'fail: null \ufffd, escape \ufffd[31m, surrogate \ufffd, \ufffd, ]]> & "quote" \U0001f600'
    )


def test_elements_and_attributes_are_those_of_the_common_schema_in_its_order(
    small: Toy, tmp_path: Path
) -> None:
    records = [
        Record(cell("works"), Outcome.HANG, "waits", stacks="Thread 1", output="said"),
        Record(cell("leaks"), Outcome.ERROR, "lost", output="said"),
        Record(cell("leaks", "notebook"), Outcome.SKIP, "not here"),
    ]
    write_run(tmp_path, small, records)

    for element in written(tmp_path).iter():
        assert set(element.attrib) == ATTRIBUTES.get(element.tag, set())
        places = [ORDER.index(child.tag) for child in element if child.tag in ORDER]
        assert places == sorted(places)
