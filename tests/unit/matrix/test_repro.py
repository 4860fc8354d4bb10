"""``python -m matrix repro``: scripts that show what cells show, where the matrix cannot be imported."""

from __future__ import annotations

import builtins
import dis
import json
import os
import subprocess
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from matrix.__main__ import main
from matrix.cells import all_cells
from matrix.fingerprint import fingerprint
from matrix.model import Cell, HangClass, Outcome, Phase
from matrix.plan import does_not_apply
from matrix.record import Record
from matrix.registry import Registry
from matrix.repro.compared import Clean, clean_place
from matrix.repro.verb import script_of
from tests.helpers.runs import write_run

if TYPE_CHECKING:
    from tests.helpers.registries import Toy

ROOT = Path(__file__).parents[3]
WORKS = Cell("agent_runtime", "toy", "script", "works")
OURS, BROKEN = "agent_runtime/run_workflow", "control/run_workflow"


@pytest.fixture(scope="module")
def place() -> Iterator[Clean]:
    """Give a place where scripts run, and the matrix cannot be imported."""
    with clean_place() as found:
        yield found


def one_of_each() -> list[Cell]:
    """Return cells with every target, context and probe among them."""
    registry = Registry()
    parts = ("target", "entry_point", "context", "probe")
    cells = [cell for cell in all_cells(registry) if does_not_apply(registry, cell) is None]
    return sorted({cell for part in parts for cell in {getattr(cell, part): cell for cell in cells}.values()})


@pytest.mark.parametrize(
    ("cell", "outcome"),
    [
        pytest.param(f"{OURS}/plain_script/returns_the_async_value", "pass", id="plain_script"),
        pytest.param(f"{OURS}/asyncio_run/cancels_on_ctrl_c", "pass", id="ctrl_c_under_a_loop"),
        pytest.param(f"{OURS}/fastapi_sync_route/keeps_context_variables", "pass", id="server"),
        pytest.param(f"{OURS}/jupyter_cell/ends_traceback_in_user_code", "pass", id="kernel"),
        pytest.param(f"{OURS}/jupyter_cell_awaiting/cancels_on_ctrl_c", "pass", id="cell_that_awaits"),
        pytest.param(f"{OURS}/signal_handler_during_call/allows_reentry", "pass", id="handler_in_a_call"),
        pytest.param(f"{OURS}/module_body/works_in_a_forked_child", "pass", id="import_and_fork"),
        pytest.param(f"{OURS}/plain_script/works_at_the_end_of_the_process", "pass", id="end_of_process"),
        pytest.param(
            "agent_runtime/runtime_stream/asyncio_run/closes_a_stream_left_early", "pass", id="stream"
        ),
        pytest.param(f"{BROKEN}/asyncio_run/runs_on_one_loop", "fail", id="broken_bridge"),
        pytest.param(f"{BROKEN}/signal_handler_during_call/allows_reentry", "fail", id="broken_in_a_handler"),
        pytest.param(f"{BROKEN}/jupyter_cell/keeps_context_variables", "fail", id="broken_in_a_kernel"),
        pytest.param(
            f"{BROKEN}/plain_script/works_at_the_end_of_the_process", "fail", id="broken_at_the_end"
        ),
        pytest.param(
            "control/runtime_stream/plain_script/closes_a_stream_left_early", "fail", id="broken_stream"
        ),
        pytest.param(
            "control:polls_with_timeout_error/run_workflow/plain_script/times_out", "hang", id="control_hangs"
        ),
        pytest.param("near_miss:polls/run_workflow/plain_script/runs_on_one_loop", "pass", id="near_miss"),
        pytest.param(
            "asyncio_run/executor_run/asyncio_run/returns_the_async_value", "refused", id="peer_refuses"
        ),
        pytest.param(
            "fresh_thread/runtime_stream/plain_script/streams_items_as_they_are_produced",
            "fail",
            id="peer_streams",
        ),
    ],
)
def test_script_shows_what_the_gate_says(place: Clean, cell: str, outcome: str) -> None:
    of = Cell.parse(cell)

    shown = place.run(of, place.write(Registry(), of))

    assert (shown.outcome, shown.output[-2000:]) == (outcome, shown.output[-2000:])


def test_place_of_the_scripts_has_no_matrix(place: Clean) -> None:
    command = [sys.executable, "-c", "import agent_runtime; import matrix"]

    said = subprocess.run(
        command,
        env=dict(place.environment),
        cwd=place.folder,
        capture_output=True,
        text=True,
        check=False,
    )

    assert "a script must do without the matrix" in said.stderr


def test_scripts_of_all_kinds_define_whatever_they_name_and_name_no_place_of_this_machine() -> None:
    registry = Registry()
    versions = json.dumps(fingerprint())
    for cell in one_of_each():
        text = script_of(registry, cell)

        code = compile(text, cell.id, "exec")
        assert sorted(global_names(code) - defined_by(code)) == [], cell.id
        assert str(ROOT) not in text
        assert sys.prefix not in text.replace(versions, "")
        assert "matrix" not in {line.split()[1].partition(".")[0] for line in imports_of(text)}


def imports_of(text: str) -> list[str]:
    lines = [line.strip() for line in text.splitlines()]
    return [
        line
        for line in lines
        if line.startswith("import ") or (line.startswith("from ") and " import " in line)
    ]


def codes_of(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from codes_of(constant)


def global_names(code: types.CodeType) -> set[str]:
    """Return what the compiled code looks up in its module: the compiler's own view of scopes."""
    return {
        instruction.argval
        for one in codes_of(code)
        for instruction in dis.get_instructions(one)
        if instruction.opname == "LOAD_GLOBAL" or (instruction.opname == "LOAD_NAME" and one is code)
    }


def defined_by(code: types.CodeType) -> set[str]:
    stored = {one.argval for one in dis.get_instructions(code) if one.opname == "STORE_NAME"}
    return stored | set(dir(builtins)) | {"__annotations__", "__file__"}


def written(toy: Toy, *arguments: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["repro", WORKS.id, *arguments, "--registry", str(toy.root)]) == 0
    return capsys.readouterr().out


def test_header_says_what_to_expect_and_how_to_run(toy: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    said = written(toy.context().probe(), capsys=capsys)

    for part in (
        "# It works.\n",
        f"# cell        {WORKS.id}\n",
        "# call        toy() of agent_runtime\n",
        "# situation   toy\n",
        "# promise     S1 Value: ",
        "# expected    pass\n",
        "# seen        no run was given\n",
        "# install     python -m pip install agent-runtime",
        "# run         python FILE\n",
        "# exit code   0 the claim holds\n",
        "#             124 it hangs",
    ):
        assert part in said


def test_header_tells_what_a_run_has_seen_without_the_folders_of_its_machine(
    toy: Toy, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    toy.context().probe()
    detail = "ended in OSError: /home/somebody/project/file.py\nis \x1b[31mred"
    explanation = "MainThread waits for portal"
    hang = Record(WORKS, Outcome.HANG, detail, Phase.CALL, HangClass.DEADLOCK, explanation=explanation)
    write_run(tmp_path, toy, [hang])

    said = written(toy, "--results", str(tmp_path), capsys=capsys)

    assert "# seen        hang in call: ended in OSError: file.py is ?[31mred\n" in said
    assert "#             explanation: MainThread waits for portal\n" in said
    assert "# on          CPython 3.11.7 on Linux: trio 0.25.0\n" in said
    assert "somebody" not in said


def test_script_goes_into_a_file(toy: Toy, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    toy.context().probe()
    file = tmp_path / "shows.py"

    assert written(toy, "-o", str(file), capsys=capsys) == ""
    assert "# run         python shows.py\n" in file.read_text(encoding="utf-8")


def test_script_is_not_given_the_name_of_a_module_that_it_needs(
    toy: Toy, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    toy.context(more="requires=('trio',)").probe()
    file = tmp_path / "trio.py"

    assert main(["repro", WORKS.id, "-o", str(file), "--registry", str(toy.root)]) == 2
    assert "would be imported as 'trio'; choose another name" in capsys.readouterr().err
    assert not file.exists()


@pytest.mark.parametrize(
    ("check", "more", "code", "said"),
    [
        pytest.param(
            "expect(got=run(Source(''), {'n': 1}), wanted={'n': 1}, of='n')", "", 0, "pass", id="holds"
        ),
        pytest.param(
            "expect(got=run(Source(''), {}), wanted={'n': 1}, of='n')",
            "",
            1,
            "fail: n: wanted {'n': 1}, got {}",
            id="fails",
        ),
        pytest.param("raise SystemExit(7)", "", 1, "fail: ended in SystemExit(7)", id="ends_in_anything"),
        pytest.param(
            "os.kill(os.getpid(), signal.SIGKILL)",
            "",
            1,
            "crash: during the call: the process ended with -9",
            id="crashes",
        ),
        pytest.param(
            "threading.Event().wait()",
            "limit=0.5",
            124,
            "hang: in call: the limit passed, and the process was killed",
            id="hangs",
        ),
        pytest.param(
            "threading.Thread(target=threading.Event().wait).start()",
            "exit_limit=0.5",
            124,
            "hang: in exit: the limit passed, and the process was killed",
            id="does_not_end",
        ),
        pytest.param(
            "import atexit; atexit.register(os._exit, 5)",
            "",
            1,
            "crash: after the call: the process ended with 5",
            id="ends_badly",
        ),
        pytest.param("os.fork() or sys.exit()", "", 0, "pass", id="fork_that_comes_out_of_the_claim"),
    ],
)
def test_script_ends_with_the_code_of_what_it_shows(
    toy: Toy, capfd: pytest.CaptureFixture[str], check: str, more: str, code: int, said: str
) -> None:
    toy.context().probe(check=check, more=more)

    assert main(["repro", WORKS.id, "--run", "--registry", str(toy.root)]) == code
    assert capfd.readouterr().out.splitlines()[-1] == said


@pytest.mark.parametrize(
    ("host", "facts", "said"),
    [
        pytest.param(
            "job.perform(job.cells[0])",
            "None, False, False",
            f"error: this is not the situation of {WORKS.id}: main thread is True, not False",
            id="another_situation",
        ),
        pytest.param(
            "raise OSError('no port')",
            "None, False, True",
            "error: the situation did not come about: the process ended with 1",
            id="host_fails",
        ),
    ],
)
def test_script_that_cannot_judge_ends_with_125(
    toy: Toy, capfd: pytest.CaptureFixture[str], host: str, facts: str, said: str
) -> None:
    toy.context(host=host, facts=facts).probe()

    assert main(["repro", WORKS.id, "--run", "--registry", str(toy.root)]) == 125
    assert capfd.readouterr().out.splitlines()[-1] == said


def test_hang_shows_where_every_thread_is(toy: Toy, capfd: pytest.CaptureFixture[str]) -> None:
    toy.context().probe(check="def waits():\n    threading.Event().wait()\nwaits()", more="limit=0.5")

    main(["repro", WORKS.id, "--run", "--registry", str(toy.root)])

    assert "in waits" in capfd.readouterr().out


def test_script_that_is_told_to_end_takes_its_child_with_it(toy: Toy, tmp_path: Path) -> None:
    told = tmp_path / "told"
    os.mkfifo(told)
    check = f"open({str(told)!r}, 'w').write(str(os.getpid()))\nthreading.Event().wait()"
    toy.context().probe(check=check)
    file = tmp_path / "shows.py"
    main(["repro", WORKS.id, "-o", str(file), "--registry", str(toy.root)])
    script = subprocess.Popen([sys.executable, file], stdout=subprocess.DEVNULL)
    child = int(told.read_text())

    script.terminate()

    assert script.wait(30) == 143
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


def test_script_runs_in_one_process_for_a_debugger(toy: Toy, tmp_path: Path) -> None:
    toy.context().probe(check="print('process', os.getpid() == os.getpgid(0)); run(Source(''), {})")
    file = tmp_path / "shows.py"
    main(["repro", WORKS.id, "-o", str(file), "--registry", str(toy.root)])

    said = subprocess.run([sys.executable, file, "--here"], capture_output=True, text=True, check=True)

    assert said.stdout.splitlines()[-1].startswith("pass")


def test_cell_that_means_nothing_has_no_script_and_the_reason_is_given(
    toy: Toy, capsys: pytest.CaptureFixture[str]
) -> None:
    toy.context().probe(more="skip_when=lambda facts: 'no loop runs here'")

    assert main(["repro", WORKS.id, "--registry", str(toy.root)]) == 125
    assert capsys.readouterr().err == f"{WORKS.id} has nothing to show: no loop runs here\n"


def test_unknown_cell_is_told_near_ones(toy: Toy, capsys: pytest.CaptureFixture[str]) -> None:
    toy.context().probe()

    assert main(["repro", "agent_runtime/toy/script/wroks", "--registry", str(toy.root)]) == 2
    assert f"nearest:\n  {WORKS.id}\n" in capsys.readouterr().err


def test_code_that_cannot_stand_in_a_script_is_named_with_its_line(
    toy: Toy, capsys: pytest.CaptureFixture[str]
) -> None:
    toy.context().probe()
    with (toy.root / "probes" / "works.py").open("a", encoding="utf-8") as file:
        file.write("for name in ('a', 'b'):\n    print(name)\n")

    assert main(["repro", WORKS.id, "--registry", str(toy.root)]) == 3
    said = capsys.readouterr().err
    assert "probes/works.py:10: \"for name in ('a', 'b'):\" is no definition" in said


def test_names_that_two_files_have_stay_apart(toy: Toy, capfd: pytest.CaptureFixture[str]) -> None:
    toy.write(
        "contexts",
        "script",
        "from matrix.model import Context, Facts\n"
        "FACTS = Facts(None, False, True, evidence={'word': 'context'})\n"
        "CONTEXT = Context('script', summary='toy', facts=FACTS)\n"
        "_WORD = 'context'\n"
        "def _word():\n    return _WORD\n"
        "def host(job):\n    job.perform(job.cells[0], evidence={'word': _word()})\n",
    )
    toy.write(
        "probes",
        "works",
        "from matrix.model import Probe, Source, expect\n"
        "PROBE = Probe('works', claim='it works', promise='S1')\n"
        "_WORD = 'probe'\n"
        "def _word():\n    return _WORD\n"
        "def check(run):\n"
        "    def inner(_WORD='local'):\n        return _WORD\n"
        "    run(Source(''), {})\n"
        "    expect(got=(_word(), inner()), wanted=('probe', 'local'), of='words')\n"
        "def broken(run):\n    return run\n",
    )

    assert main(["repro", WORKS.id, "--run", "--registry", str(toy.root)]) == 0
