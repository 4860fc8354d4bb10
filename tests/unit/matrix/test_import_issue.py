"""``python -m matrix import-issue``: reports become cells, and what cannot be told is said."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path

import pytest

from matrix.__main__ import main
from matrix.registry import Registry
from matrix.reports.entries import read_entries
from matrix.reports.families import FAMILIES
from matrix.reports.pages import read_page
from matrix.reports.placing import place
from matrix.reports.regressions import problems_of, read_regressions
from matrix.reports.report import Kind

ENTRY = """
- id: second-call
  link: https://github.com/someone/something/issues/12
  project: someone/something
  context: Jupyter cell
  entry: ask()
  symptom: 'RuntimeError: This event loop is already running'
"""
PAGE = """
# ask() fails in our FastAPI service

It works in a script.

```python
from fastapi import FastAPI
app = FastAPI()

@app.get("/answer")
async def answer():
    return ask("why")
```

```
Traceback (most recent call last):
  File "/srv/app.py", line 8, in answer
    return ask("why")
  File "/srv/venv/lib/python3.12/site-packages/asker/sync.py", line 3, in ask
    return asyncio.run(coroutine)
RuntimeError: asyncio.run() cannot be called from a running event loop
```

Python 3.12, fastapi 0.110. See https://github.com/someone/something/issues/77
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "regressions"


def written(tmp_path: Path, text: str, name: str = "reports.yaml") -> Path:
    path = tmp_path / name
    path.write_text(textwrap.dedent(text).lstrip("\n"), encoding="utf-8")
    return path


def imported(path: Path, folder: Path, *arguments: str) -> int:
    return main(["import-issue", str(path), "--regressions", str(folder), *arguments])


def said_of(
    path: Path, folder: Path, *arguments: str, capsys: pytest.CaptureFixture[str]
) -> tuple[int, dict[str, object]]:
    """Import one report; return the exit code and what is said of it."""
    code = imported(path, folder, "--json", *arguments)
    (said,) = json.loads(capsys.readouterr().out)
    return code, said


def test_entry_becomes_a_file_with_its_cells(tmp_path: Path, folder: Path) -> None:
    code = imported(written(tmp_path, ENTRY), folder)

    (regression,) = read_regressions(folder)
    assert code == 0
    assert regression.id == "second-call"
    assert regression.source == "https://github.com/someone/something/issues/12"
    assert regression.project == "someone/something"
    assert regression.family == "running-loop"
    assert regression.cells == ("agent_runtime/*/jupyter_cell/returns_the_async_value",)
    assert regression.waits_for == ()
    assert "'Jupyter'" in regression.reason
    assert problems_of(Registry(), folder) == []


def test_page_of_a_tracker_is_placed_by_its_code_and_its_traceback(
    tmp_path: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = said_of(written(tmp_path, PAGE, "export.md"), folder, capsys=capsys)

    regression = said["regression"]
    assert isinstance(regression, dict)
    assert code == 0
    assert said["id"] == "someone-something-77"
    assert regression["title"] == "ask() fails in our FastAPI service"
    assert regression["source"] == "https://github.com/someone/something/issues/77"
    assert regression["family"] == "running-loop"
    assert "agent_runtime/*/fastapi_async_route/returns_the_async_value" in regression["cells"]
    assert "family: 'cannot be called from a running event loop' in line 20" in said["because"]  # type: ignore[operator]


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        pytest.param("---\ntitle: Lost\nurl: https://github.com/a/b/issues/5\n---\n", "a-b-5", id="dashes"),
        pytest.param("title:\tLost\nnumber:\t5\nid:\tlost-call\n--\n", "lost-call", id="client_of_a_tracker"),
        pytest.param("# Lost\n", "export", id="heading_only"),
    ],
)
def test_head_of_a_page_names_the_report(tmp_path: Path, head: str, expected: str) -> None:
    path = written(tmp_path, head + "\nEvent loop is closed\n", "export.md")

    report = read_page(path, path.read_text(encoding="utf-8"))

    assert (report.id, report.title) == (expected, "Lost")


def test_page_of_another_system_is_read_like_any(tmp_path: Path, folder: Path) -> None:
    path = tmp_path / "export.md"
    path.write_bytes(b"\xef\xbb\xbf" + PAGE.lstrip("\n").replace("\n", "\r\n").encode())

    assert imported(path, folder) == 0


def test_passages_of_a_page_know_their_lines(tmp_path: Path) -> None:
    report = read_page(tmp_path / "export.md", PAGE.lstrip("\n"))
    lines = PAGE.lstrip("\n").splitlines()

    errors = [one for one in report.of_kind(Kind.ERROR) if one.line > 1]
    packages = {one.text: lines[one.line - 1] for one in report.of_kind(Kind.PACKAGE)}

    assert [lines[one.line - 1] for one in errors] == [errors[0].text]
    assert packages == {
        "fastapi": "from fastapi import FastAPI",
        "asker": '  File "/srv/venv/lib/python3.12/site-packages/asker/sync.py", line 3, in ask',
    }


SITUATIONS = [
    # what is reported of a family, and where; the words are those that the field uses
    ("loop-bound-reuse", "plain script", "RuntimeError: Event loop is closed on the second call"),
    ("self-deadlock", "async handler", "deadlock: the call waits for the loop that it blocks"),
    ("loop-patching", "server with uvloop", "ValueError: Can't patch loop of type uvloop.Loop"),
    ("context-loss", "ThreadPoolExecutor", "ContextVar is empty in the step"),
    ("server-stall", "FastAPI handler", "the call blocks the event loop of the server"),
    ("no-current-loop", "ThreadPoolExecutor", "There is no current event loop in thread 'pool_0'"),
    ("interrupt", "script", "Ctrl-C is ignored until the call is over"),
    ("shutdown", "atexit callback", "can't create new thread at interpreter shutdown"),
    ("cross-loop", "script", "Lock is bound to a different event loop"),
    ("thread-affinity", "notebook", "You cannot call this from an async context"),
    ("stream-cleanup", "script", "the connection stays open after break"),
    ("fork", "multiprocessing.Pool", "the child hangs"),
    ("dual-color", "sync flow", "RuntimeWarning: coroutine 'ask' was never awaited"),
    ("leaks", "long-lived process", "OSError: [Errno 24] Too many open files"),
    ("signals-thread", "def endpoint", "ValueError: signal only works in main thread"),
    ("timeout-cancel", "sync code", "returns normally, no TimeoutError"),
    ("thread-safety", "free-threaded build", "interpreter crash"),
]


@pytest.mark.parametrize(
    ("family", "context", "symptom"), [pytest.param(*row, id=row[0]) for row in SITUATIONS]
)
def test_family_is_told_by_what_was_seen(tmp_path: Path, family: str, context: str, symptom: str) -> None:
    path = tmp_path / "reports.yaml"
    (report,) = read_entries(path, json.dumps({"id": "one", "context": context, "symptom": symptom}))

    placement = place(Registry(), report)

    assert placement.family is not None
    assert (placement.family.name, placement.state) == (family, "mapped")


def test_every_family_has_a_probe_and_a_context_that_exist_or_names_what_is_missing() -> None:
    registry = Registry()
    contexts, probes = registry.names("contexts"), registry.names("probes")

    assert [one.name for one in FAMILIES if not set(one.contexts) <= set(contexts)] == []
    assert {one.name for one in FAMILIES if not {claim.probe for claim in one.claims} & set(probes)} <= {
        "task-affinity"
    }


def test_report_from_a_place_that_is_no_context_waits_for_it_by_name(
    tmp_path: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, ENTRY.replace("Jupyter cell", "windows app"))

    code = imported(path, folder, "--family", "foreign-runtime")

    (regression,) = read_regressions(folder)
    assert code == 1
    assert regression.cells == ()
    assert regression.waits_for == ("context:windows_console",)
    assert "add matrix/contexts/windows_console.py: 1 report waits for it" in capsys.readouterr().out


def test_stand_in_shows_what_it_can_until_the_context_is_there(tmp_path: Path, folder: Path) -> None:
    path = written(tmp_path, ENTRY.replace("Jupyter cell", "Streamlit app"))

    code = imported(path, folder)

    (regression,) = read_regressions(folder)
    assert code == 1
    assert (regression.state, regression.waits_for) == ("partly", ("context:streamlit_script",))
    assert regression.cells == ("agent_runtime/*/executor_thread/returns_the_async_value",)


@pytest.mark.parametrize(
    ("symptom", "said"),
    [
        pytest.param("it is slow", "no words of a known family; choose with --family:", id="no_words"),
        pytest.param(
            "Event loop is closed, in 'Exception ignored'",
            "the family may be loop-bound-reuse ('Event loop is closed' in line 2); shutdown",
            id="two_families",
        ),
    ],
)
def test_family_that_words_do_not_tell_is_asked_for_and_nothing_is_written(
    tmp_path: Path, folder: Path, capsys: pytest.CaptureFixture[str], symptom: str, said: str
) -> None:
    path = written(tmp_path, f'id: one\nsymptom: "{symptom}"\n')

    assert imported(path, folder) == 1

    assert said in capsys.readouterr().err
    assert list(folder.glob("*")) == []


def test_command_line_answers_what_words_do_not_tell(tmp_path: Path, folder: Path) -> None:
    path = written(tmp_path, "id: one\nsymptom: it is slow\n")
    choice = ["--family", "server-stall", "--context", "asyncio_run", "--probe", "serves_many_threads"]

    assert imported(path, folder, *choice, "--id", "slow-call") == 0

    (regression,) = read_regressions(folder)
    assert regression.id == "slow-call"
    assert regression.cells == ("agent_runtime/*/asyncio_run/serves_many_threads",)


def test_file_that_was_corrected_by_hand_is_kept_unless_told_otherwise(
    tmp_path: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, ENTRY)
    assert said_of(path, folder, capsys=capsys)[1]["done"] == "written"
    file = folder / "second-call.toml"
    first = file.read_text(encoding="utf-8")
    file.write_text(first.replace("jupyter_cell", "jupyter_cell_awaiting"), encoding="utf-8")

    assert said_of(path, folder, capsys=capsys)[1]["done"] == "kept"
    assert "jupyter_cell_awaiting" in file.read_text(encoding="utf-8")
    assert said_of(path, folder, "--replace", "--dry-run", capsys=capsys)[1]["done"] == "would be written"
    assert said_of(path, folder, "--replace", capsys=capsys)[1]["done"] == "written"
    assert file.read_text(encoding="utf-8") == first
    assert said_of(path, folder, capsys=capsys)[1]["done"] == "unchanged"


WRONG_ENTRIES = {
    "not_yaml": ("- id: [", ":1: not YAML:"),
    "empty": ("# nothing\n", ":1: it is empty; write an entry"),
    "empty_list": ("[]\n", ":1: it is empty; write an entry"),
    "two_documents": (
        "id: one\nsymptom: x\n---\nid: two\n",
        ":3: not YAML: expected a single document in the stream but found another document",
    ),
    "says_nothing": ("id: one\nsymptom: null\ncontext:\n", ":1: nothing tells what happened; write one of"),
    "no_mapping": ("- just words\n", ":1: an entry is a mapping; write, for example,"),
    "unknown_key": ("id: one\nsymptom: x\nsympton: y\n", ":3: unknown key 'sympton'; an entry has id, title"),
    "double_key": ("id: one\nsymptom: x\nsymptom: y\n", ":3: symptom stands in line 2 already"),
    "nested": ("id: one\nsymptom: {a: b}\n", ":2: symptom is neither a text nor a list of texts"),
    "no_id": ("symptom: x\n", ":1: id '' is no id; write lower-case words"),
    "bad_id": ("symptom: x\nid: Not One\n", ":2: id 'Not One' is no id; write lower-case words"),
    "tells_nothing": ("- id: one\n", ":1: nothing tells what happened; write one of symptom, traceback"),
    "double_id": (
        "- {id: one, symptom: x}\n- {id: one, symptom: y}\n",
        ":2: id 'one' stands in line 1 too; write another id",
    ),
    "no_such_family": (
        "id: one\nsymptom: x\nfamily: nonsense\n",
        ":1: family 'nonsense' is none that is known; write one of running-loop",
    ),
}


@pytest.mark.parametrize("name", WRONG_ENTRIES)
def test_file_without_reports_is_refused_with_line_and_what_to_write(
    tmp_path: Path, folder: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    text, said = WRONG_ENTRIES[name]
    path = written(tmp_path, text)

    assert imported(path, folder) == 2

    assert f"{path}{said}" in capsys.readouterr().err
    assert not folder.exists()


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        pytest.param("a.md", "no heading\n", "a.md:1: there is no title; write one", id="no_title"),
        pytest.param("a.md", "# Only a title\n", "there is nothing below the title", id="no_text"),
        pytest.param("a.txt", "x", "a.txt: .txt is not known; expected one of .yaml", id="suffix"),
    ],
)
def test_page_that_is_no_report_is_refused(
    tmp_path: Path, folder: Path, capsys: pytest.CaptureFixture[str], name: str, text: str, said: str
) -> None:
    assert imported(written(tmp_path, text, name), folder) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(
            ("--only", "thrid-call"), "there is no report 'thrid-call'; nearest: third-call", id="only"
        ),
        pytest.param(("--family", "fork"), "holds 2 reports; --family", id="family_of_many"),
        pytest.param(("--id", "x"), "holds 2 reports; --id names one", id="id_of_many"),
        pytest.param(
            ("--only", "third-call", "--context", "jupiter_cell"),
            "--context 'jupiter_cell': there is no matrix/contexts/jupiter_cell.py; nearest: jupyter_cell",
            id="no_such_context",
        ),
        pytest.param(("--summary",), "leave FILE out", id="summary_of_a_file"),
    ],
)
def test_options_that_do_not_fit_the_file_are_refused(
    tmp_path: Path, folder: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    path = written(tmp_path, ENTRY + ENTRY.replace("second-call", "third-call"))

    assert imported(path, folder, *arguments) == 2
    assert said in capsys.readouterr().err


def test_text_survives_the_file_whatever_is_in_it(tmp_path: Path, folder: Path) -> None:
    title = 'a "quoted" \\ back\tslash — ünïcode \x7f end'
    path = tmp_path / "reports.yaml"
    path.write_text(json.dumps({"id": "one", "title": title, "symptom": "hangs at exit"}), encoding="utf-8")

    assert imported(path, folder) == 0

    (regression,) = read_regressions(folder)
    assert regression.title == title


def test_summary_counts_what_is_there(
    tmp_path: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    windows = ENTRY.replace("second-call", "third-call").replace("Jupyter cell", "windows app")
    imported(written(tmp_path, ENTRY + windows), folder)
    capsys.readouterr()

    assert main(["import-issue", "--summary", "--json", "--regressions", str(folder)]) == 0

    assert json.loads(capsys.readouterr().out) == {
        "reports": 2,
        "mapped": 1,
        "partly": 0,
        "waiting": 1,
        "families": {"running-loop": 2},
        "waits_for": {"context:windows_console": 1},
    }
