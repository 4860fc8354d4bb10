"""``python -m matrix.repro``: what scripts show beside what a run has said."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from matrix.model import Cell, Outcome
from matrix.record import Record
from matrix.repro.__main__ import main as compare
from tests.helpers.runs import write_run

if TYPE_CHECKING:
    import pytest

    from tests.helpers.registries import Toy

ROOT = Path(__file__).parents[3]

# An audit hook lives as long as its process. Modules are compiled with their names, syntax trees without.
COMPARE = """
import sys, threading
from pathlib import Path
from matrix.cells import all_cells
from matrix.registry import Registry
from matrix.repro.compared import shown

def note(event, arguments):
    if event == "compile" and arguments[1] == "<unknown>":
        threads.add(threading.current_thread().name)

registry = Registry(Path(sys.argv[1]))
cells = [cell for cell in all_cells(registry) if cell.target == "agent_runtime"]
threads = set()
sys.addaudithook(note)
print([one.outcome for one in shown(registry, cells, jobs=2)], threads)
"""


def test_syntax_trees_are_built_on_one_thread(toy: Toy) -> None:
    toy.context().probe("works").probe("works_too")

    said = subprocess.run(
        [sys.executable, "-c", COMPARE, str(toy.root)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (said.stdout, said.stderr) == ("['pass', 'pass'] {'MainThread'}\n", "")


def test_comparison_with_a_run_finds_what_differs(
    toy: Toy, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    toy.context().probe("works").probe("leaks")
    leaks = Cell("agent_runtime", "toy", "script", "leaks")
    write_run(tmp_path / "as_it_is", toy)
    write_run(tmp_path / "otherwise", toy, [Record(leaks, Outcome.FAIL, "it leaks")])
    monkeypatch.setattr(sys, "argv", ["repro", str(tmp_path / "as_it_is"), "--registry", str(toy.root)])

    assert compare() == 0
    assert capsys.readouterr().out == "4 scripts, 0 of which show something else\n"

    monkeypatch.setattr(sys, "argv", ["repro", str(tmp_path / "otherwise"), "--registry", str(toy.root)])
    assert compare() == 1
    assert f"{leaks.id}: the run says fail, the script pass\n" in capsys.readouterr().out


def test_comparison_names_cells_that_have_no_script_and_goes_on(
    toy: Toy, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    toy.context().probe("works").probe("cannot")
    with (toy.root / "probes" / "cannot.py").open("a", encoding="utf-8") as file:
        file.write("for name in ():\n    print(name)\n")
    write_run(tmp_path, toy)
    monkeypatch.setattr(sys, "argv", ["repro", str(tmp_path), "--registry", str(toy.root)])

    assert compare() == 0
    said = capsys.readouterr().out
    assert "agent_runtime/toy/script/cannot has no script: " in said
    assert "is no definition and no import" in said
    assert said.endswith("2 scripts, 0 of which show something else; 2 cells have none\n")
