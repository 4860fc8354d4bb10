"""``--changed``: what a change can affect is judged, with a reason for each file, and never too little."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from matrix.__main__ import main
from matrix.cells import Selection, SelectionError, select
from matrix.changed import changes_since
from matrix.importgraph import importers_of, modules_below
from matrix.origin import Origin
from matrix.registry import Registry
from tests.helpers.children import run_child

ROOT = Path(__file__).parents[3]


class Project:
    """A git repository with this project's matrix and runtime, committed on a branch ``main``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        ignored = shutil.ignore_patterns("__pycache__")
        for name in ("matrix", "agent_runtime"):
            shutil.copytree(ROOT / name, folder / name, ignore=ignored)
        shutil.copy(ROOT / ".gitignore", folder)
        self.git("init", "-q", "-b", "main")
        self.git("config", "user.name", "A Tester")
        self.git("config", "user.email", "tester@example.org")
        self.commit("begin")

    def git(self, *arguments: str) -> str:
        """Run git in the repository; it must end well."""
        done = subprocess.run(
            ["git", *arguments], cwd=self.folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def commit(self, message: str) -> None:
        """Commit everything there is."""
        self.git("add", "--all")
        self.git("commit", "-q", "--allow-empty", "-m", message)

    def append(self, path: str, text: str = "\n# changed\n") -> None:
        """Write to the end of a file, which may be new."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a", encoding="utf-8") as stream:
            stream.write(text)

    def reset(self) -> None:
        """Go back to the first commit of ``main``."""
        self.git("checkout", "-q", "--force", "main")
        self.git("reset", "-q", "--hard", self.git("rev-list", "--max-parents=0", "HEAD").splitlines()[0])
        self.git("clean", "-q", "-fdx")

    @property
    def registry(self) -> Registry:
        """The registry in the repository."""
        return Registry(self.folder / "matrix")

    def affected(self, base: str = "main") -> set[tuple[str, str]]:
        """Return what all affected cells have in common, as (part, name); empty for none."""
        cells = changes_since(self.registry, base).affected(select(self.registry, Selection()))
        parts = [
            {("probe", cell.probe), ("context", cell.context), ("target", cell.target)} for cell in cells
        ]
        return set.intersection(*parts) if parts else set()

    def share(self, base: str = "main") -> float:
        """Return which share of the gate's cells is affected."""
        cells = select(self.registry, Selection())
        return len(changes_since(self.registry, base).affected(cells)) / len(cells)

    def reasons(self, base: str = "main") -> dict[str, str]:
        """Return why, by file."""
        return {reach.path: reach.why for reach in changes_since(self.registry, base).reaches}


@pytest.fixture(scope="module")
def whole_project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Project(tmp_path_factory.mktemp("project"))


@pytest.fixture
def project(whole_project: Project) -> Iterator[Project]:
    """The project as it was committed."""
    yield whole_project
    whole_project.reset()


def test_nothing_changed_runs_nothing(project: Project) -> None:
    assert project.share() == 0


def test_changed_probe_runs_its_cells_and_no_others(project: Project) -> None:
    project.append("matrix/probes/times_out.py")

    assert ("probe", "times_out") in project.affected()
    assert project.reasons() == {"matrix/probes/times_out.py": "probe times_out"}


def test_probe_that_another_one_imports_runs_both(project: Project) -> None:
    project.append("matrix/probes/cancels_on_ctrl_c.py")

    assert project.reasons()["matrix/probes/cancels_on_ctrl_c.py"] == (
        "probe abandons_on_second_ctrl_c, probe cancels_on_ctrl_c"
    )


def test_changed_context_runs_its_cells_for_every_target(project: Project) -> None:
    project.append("matrix/contexts/trio_run.py")

    assert project.affected() == {("context", "trio_run")}


def test_changed_context_runs_chains_that_it_is_a_link_of(project: Project) -> None:
    project.append("matrix/contexts/executor_thread.py")
    chains = ("asyncio_run+executor_thread", "asyncio_run+finaliser")
    named = Selection(cells=tuple(f"agent_runtime/run_workflow/{chain}/times_out" for chain in chains))

    affected = changes_since(project.registry, "main").affected(select(project.registry, named))

    assert [cell.context for cell in affected] == ["asyncio_run+executor_thread"]


def test_helper_runs_what_imports_it(project: Project) -> None:
    project.append("matrix/contexts/_kernel.py")

    assert project.reasons() == {
        "matrix/contexts/_kernel.py": "context jupyter_cell, context jupyter_cell_awaiting,"
        " context jupyter_thread_loop"
    }


def test_helper_that_nobody_is_seen_to_import_runs_its_whole_folder(project: Project) -> None:
    project.append("matrix/probes/_unseen.py", "import importlib\n")
    project.append("matrix/contexts/data.txt", "x")

    assert project.reasons() == {
        "matrix/contexts/data.txt": "all contexts: nobody knows which of them use it",
        "matrix/probes/_unseen.py": "all probes: nobody knows which of them use it",
    }
    assert project.share() == 1


def test_changed_entry_point_runs_its_cells(project: Project) -> None:
    project.append("matrix/entry_points/executor_run.py")

    cells = changes_since(project.registry, "main").affected(select(project.registry, Selection()))

    assert {cell.entry_point for cell in cells if cell.target == "agent_runtime"} == {"executor_run"}


def test_changed_peer_concerns_no_cell_of_the_gate_but_its_own(project: Project) -> None:
    project.append("matrix/peers/fresh_thread.py")
    changes = changes_since(project.registry, "main")
    own = select(project.registry, Selection(targets=("fresh_thread", "asyncio_run")))

    assert project.share() == 0
    assert {cell.target for cell in changes.affected(own)} == {"fresh_thread"}


def test_changed_control_runs_its_own_cells(project: Project) -> None:
    name = project.registry.names("controls")[0]
    project.append(f"matrix/controls/{name}.py")

    (part,) = {part for part in project.affected() if part[0] == "target"}
    assert part[1].endswith(f":{name}")


@pytest.mark.parametrize(
    ("path", "why"),
    [
        pytest.param("agent_runtime/new.py", "nobody is seen to import it", id="module_that_nobody_imports"),
        pytest.param("agent_runtime/py.typed", "it is gone, or no Python", id="not_python"),
        pytest.param("matrix/story.py", "the machine that judges them", id="machine"),
        pytest.param("matrix/page/new.js", "the machine that judges them", id="file_of_the_machine"),
        pytest.param("pyproject.toml", "nobody knows what it reaches", id="dependencies"),
        pytest.param("noxfile.py", "nobody knows what it reaches", id="how_it_is_started"),
        pytest.param("surprise.cfg", "nobody knows what it reaches", id="unknown"),
    ],
)
def test_what_reaches_far_or_nobody_knows_how_far_runs_everything(
    project: Project, path: str, why: str
) -> None:
    project.append(path)

    (reach,) = changes_since(project.registry, "main").reaches

    assert why in reach.why
    assert all(map(reach.covers, select(project.registry, Selection())))


def test_core_of_the_runtime_runs_everything_by_the_entry_points_that_reach_it(project: Project) -> None:
    project.append("agent_runtime/bridge/portal.py")

    (reach,) = changes_since(project.registry, "main").reaches

    assert {("entry point", name) for name in project.registry.names("entry_points")} <= reach.names
    assert all(map(reach.covers, select(project.registry, Selection())))


def test_module_that_is_gone_runs_everything(project: Project) -> None:
    (project.folder / "agent_runtime/bridge/portal.py").unlink()

    assert project.share() == 1


def test_probe_that_is_gone_has_no_cells_left_to_run(project: Project) -> None:
    (project.folder / "matrix/probes/times_out.py").unlink()

    assert project.reasons() == {"matrix/probes/times_out.py": "no cell: it is gone, and so are its cells"}


def test_helper_that_is_gone_runs_its_whole_folder(project: Project) -> None:
    (project.folder / "matrix/contexts/_observe.py").unlink()

    assert project.reasons()["matrix/contexts/_observe.py"].startswith("all contexts")


def test_file_that_is_no_python_runs_everything(project: Project) -> None:
    project.append("matrix/probes/_busy.py", "def (\n")

    assert project.share() == 1
    assert "cannot be read" in project.reasons()["matrix/probes/_busy.py"]


def test_what_no_cell_reads_runs_nothing(project: Project) -> None:
    paths = ("docs/matrix.md", "tests/unit/test_x.py", "README.md", ".github/x.yml", "matrix/cells.lock")
    for path in paths:
        project.append(path)

    changes = changes_since(project.registry, "main")

    assert {reach.path: reach.why for reach in changes.reaches} == dict.fromkeys(paths, "no cell")
    assert changes.affected(select(project.registry, Selection())) == []


def test_changed_expectations_run_the_cells_that_they_speak_of(project: Project) -> None:
    entry = '\n[[expectation]]\ncells = "agent_runtime/*/trio_run/times_out"\noutcome = "fail"\n'
    project.append("matrix/expectations.toml", f'{entry}reason = "so"\nissue = "#1"\n')

    assert project.affected() >= {("context", "trio_run"), ("probe", "times_out")}

    project.append("matrix/expectations.toml", "[[expectation\n")
    assert project.share() == 1


def test_committed_staged_and_untracked_changes_count_since_the_branch_left(project: Project) -> None:
    project.git("checkout", "-q", "-b", "branch")
    project.append("matrix/probes/times_out.py")
    project.commit("on the branch")
    project.append("matrix/contexts/trio_run.py")
    project.git("add", "--all")
    project.append("docs/new page.md", "naïve")
    project.git("checkout", "-q", "main")
    project.git("stash", "-q", "--include-untracked")
    project.append("matrix/story.py")
    project.commit("on main meanwhile")
    project.git("checkout", "-q", "branch")
    project.git("stash", "pop", "-q")

    assert set(project.reasons()) == {
        "docs/new page.md", "matrix/contexts/trio_run.py", "matrix/probes/times_out.py"
    }  # fmt: skip
    assert changes_since(project.registry).base == "main"


def test_renamed_probe_reaches_as_far_as_both_names(project: Project) -> None:
    project.git("mv", "matrix/probes/times_out.py", "matrix/probes/ends_in_time.py")
    file = project.folder / "matrix/probes/ends_in_time.py"
    text = file.read_text(encoding="utf-8").replace('"times_out"', '"ends_in_time"')
    file.write_text(text, encoding="utf-8")

    assert project.reasons() == {
        "matrix/probes/ends_in_time.py": "probe ends_in_time",
        "matrix/probes/times_out.py": "no cell: it is gone, and so are its cells",
    }


def test_unknown_base_and_missing_repository_are_refused_with_a_sentence(
    project: Project, tmp_path: Path
) -> None:
    with pytest.raises(SelectionError, match="'nowhere' has no common ancestor with this branch"):
        changes_since(project.registry, "nowhere")
    (tmp_path / "probes").mkdir()
    with pytest.raises(SelectionError, match=r"--changed: git says: .*not a git repository"):
        changes_since(Registry(tmp_path), "main")


def test_hook_of_git_asks_for_the_same_repository(
    project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    project.append("matrix/probes/times_out.py")
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "elsewhere"))

    assert [reach.path for reach in changes_since(project.registry, "main").reaches] == [
        "matrix/probes/times_out.py"
    ]


def test_commit_of_a_run_says_whether_files_differed_from_it(project: Project) -> None:
    def commit() -> str:
        return Origin.of(project.registry, Selection(), ()).commit

    head = project.git("rev-parse", "--short=12", "HEAD")
    assert commit() == head

    project.append("matrix/probes/times_out.py")
    assert commit() == f"{head}-dirty"


def test_command_says_what_it_chose_and_why(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    project.append("matrix/probes/times_out.py")

    assert main(["list", "--changed", "--registry", str(project.registry.root)]) == 0

    told = capsys.readouterr()
    assert {line.rpartition("/")[2] for line in told.out.splitlines()} == {"times_out"}
    assert "where this left main: 1 file\n" in told.err
    assert "  matrix/probes/times_out.py: probe times_out" in told.err
    assert f"runs {len(told.out.splitlines())} of" in told.err


def test_run_of_nothing_is_a_run(
    project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--registry", str(project.registry.root), "--results", str(tmp_path)]

    assert main(["run", "--changed", *where]) == 0

    assert "runs 0 of" in capsys.readouterr().err
    assert (tmp_path / "matrix.json").is_file()


def test_imports_are_seen_in_functions_conditions_and_texts(tmp_path: Path) -> None:
    package = tmp_path / "package"
    package.mkdir()
    texts = {
        "__init__": "",
        "base": "",
        "inside": "def f():\n    from package import base\n",
        "guarded": "if 0:\n    import package.inside\n",
        "texts": "CODE = 'import package.guarded; print(1)'\n",
        "lines": 'CODE = "from package import (\\\\n  apart,\\\\n  texts,\\\\n)"\n',
        "apart": "import json\n",
    }
    for name, text in texts.items():
        (package / f"{name}.py").write_text(text, encoding="utf-8")

    found = importers_of("package.base", modules_below(tmp_path, ["package"]))

    assert found == {f"package.{name}" for name in texts} - {"package.__init__", "package.apart"}


IMPORTED = """
import importlib, json, sys
found = {}
for name in sys.argv[1:]:
    for known in [known for known in sys.modules if known.partition(".")[0] in ("matrix", "agent_runtime")]:
        del sys.modules[known]
    importlib.import_module(name)
    found[name] = [known for known in sys.modules if known.partition(".")[0] in ("matrix", "agent_runtime")]
print(json.dumps(found))
"""


def test_whatever_python_imports_for_an_entry_of_the_registry_is_seen() -> None:
    seen = modules_below(ROOT, ["matrix", "agent_runtime"])
    kinds = ("contexts", "entry_points", "probes", "controls", "peers")
    entries = [name for name in seen if name.startswith(tuple(f"matrix.{kind}." for kind in kinds))]

    imported = json.loads(run_child(IMPORTED, limit=120, arguments=tuple(entries)).check().stdout)

    reached = {module: importers_of(module, seen) for module in seen}
    assert len(entries) > 100
    assert [
        (entry, module) for entry in entries for module in imported[entry] if entry not in reached[module]
    ] == []
