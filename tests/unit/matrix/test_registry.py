"""Files are found by their folder and refused with what to write."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from matrix.registry import Registry, RegistryError

if TYPE_CHECKING:
    from tests.helpers.registries import Toy

PROBE = """
from matrix.model import Probe
PROBE = Probe("works", claim="it works", promise="S1")
def check(run): ...
def broken(run): ...
"""


def test_built_in_registry_is_in_order() -> None:
    Registry().verify()


def test_one_more_file_is_one_more_probe(toy: Toy) -> None:
    toy.probe("first").probe("second").write("probes", "_helper", "raise ImportError")

    assert list(toy.registry().probes()) == ["first", "second"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        pytest.param(
            "x = 1", "PROBE is missing or not a Probe; write PROBE = Probe(name='works'", id="no_statement"
        ),
        pytest.param(PROBE.replace('"works"', '"other"'), "write name='works', or rename", id="other_name"),
        pytest.param(PROBE.replace("def broken(run): ...", ""), "write def broken(run)", id="no_control"),
        pytest.param(
            PROBE.replace("check(run)", "check()"), "check() cannot be called as such", id="no_parameter"
        ),
        pytest.param(
            PROBE.replace("check(run)", "check(run, more)"), "write def check(run)", id="one_too_many"
        ),
        pytest.param(
            PROBE.replace("def check(run): ...", "check = 3"), "check is missing", id="not_a_function"
        ),
        pytest.param("import no_such_host", "import those inside the functions", id="imports_its_host"),
        pytest.param("def check(", "SyntaxError", id="not_python"),
    ],
)
def test_wrong_file_is_refused_with_what_to_write(toy: Toy, text: str, sentence: str) -> None:
    toy.write("probes", "works", text)

    with pytest.raises(RegistryError) as caught:
        toy.registry().verify()

    assert "works.py: " in str(caught.value)
    assert sentence in str(caught.value)


def test_all_wrong_files_are_listed_at_once(toy: Toy) -> None:
    toy.write("probes", "works", "").write("contexts", "script", "").write("peers", "thread", "")
    toy.write("entry_points", "call", "")

    with pytest.raises(RegistryError) as caught:
        toy.registry().verify()

    assert {line.rpartition(".py")[0].rpartition("/")[2] for line in caught.value.problems} == {
        "works",
        "script",
        "thread",
        "call",
    }
