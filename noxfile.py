"""What can be run here; `nox -l` lists it. Sessions install and run commands, and hold no logic."""

from __future__ import annotations

import shlex
from pathlib import Path

import nox

nox.needs_version = ">=2024.10.9"
nox.options.reuse_venv = "yes"
nox.options.sessions = ["contexts", "tests", "lint", "typing"]

PROJECT_FOLDER = Path(__file__).parent
SCHEMA = "agent_runtime/loading/json_schema/workflow.schema.json"
PROJECT = nox.project.load_toml("pyproject.toml")
WORKFLOWS = sorted(
    str(path.relative_to(PROJECT_FOLDER)) for path in PROJECT_FOLDER.glob(".github/workflows/*.yml")
)
EXAMPLES = sorted(str(path.relative_to(PROJECT_FOLDER)) for path in PROJECT_FOLDER.glob("examples/*.yaml"))
LINT = (
    ("ruff", "check", "."),
    ("ruff", "format", "--check", "."),
    ("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *WORKFLOWS),
    ("check-jsonschema", "--schemafile", SCHEMA, *EXAMPLES),
    ("zizmor", "--offline", "--no-progress", "--pedantic", ".github/workflows"),
)


def constrained(session: nox.Session, name: str = "") -> list[str]:
    """Return pip's option for the versions that the tests have passed with, on the Python of this session."""
    asked = session.run_install(
        "python", "-c", "import sys; print('%d.%d' % sys.version_info[:2])", silent=True, log=False
    )
    if asked is None:  # nothing is installed with -R
        return []
    path = PROJECT_FOLDER / "constraints" / f"{name}{str(asked).strip()}.txt"
    if not path.exists():
        there = ", ".join(sorted(one.stem for one in path.parent.glob("3.*.txt") if "t" not in one.stem))
        session.error(f"no constraints/{path.name}: CPython {there} are supported; README.md says more")
    session.env["PIP_BUILD_CONSTRAINT"] = str(path)
    return ["-c", str(path)]


def install(session: nox.Session, *groups: str) -> None:
    """Install dependency groups alone."""
    session.install(*constrained(session), *nox.project.dependency_groups(PROJECT, *groups))


def prepare(session: nox.Session, *groups: str) -> None:
    """Install the project and dependency groups; let Python keep its bytecode, for starts 3 x faster."""
    session.env["PYTHONDONTWRITEBYTECODE"] = ""
    session.install(*constrained(session), "-e", ".", *nox.project.dependency_groups(PROJECT, *groups))


def stress_suites(session: nox.Session, *names: str) -> None:
    """Run some of the stress suites; `--long` and `--seed` are options of each."""
    prepare(session, "tests")
    session.run("pytest", *(f"tests/stress/{name}" for name in names), *session.posargs)


@nox.session
def contexts(session: nox.Session) -> None:
    """Run every sync entry point in every context and judge each cell: the main job, and the gate."""
    prepare(session, "contexts")
    session.run("python", "-m", "matrix", "run", *session.posargs)


@nox.session
def merge(session: nox.Session) -> None:
    """Judge the shards of a gate as one: `-- FOLDER ...`, the results of `contexts -- --shard i/n`."""
    prepare(session, "contexts")
    session.run("python", "-m", "matrix", "merge", *session.posargs)


@nox.session
def steady(session: nox.Session) -> None:
    """Run the gate 20 times, which must say the same each time; `-- --times N` for less or more, hours."""
    prepare(session, "contexts")
    session.run("python", "-m", "matrix", "steady", *session.posargs)


@nox.session
def power(session: nox.Session) -> None:
    """Let every probe meet every control: which catches which, and what escapes; some minutes."""
    prepare(session, "contexts")
    session.run("python", "-m", "matrix", "power", *session.posargs)


@nox.session
def repros(session: nox.Session) -> None:
    """Run the script of every cell of the gate, where the matrix cannot be imported, and compare; an hour."""
    prepare(session, "contexts")
    results = session.create_tmp()
    session.run("python", "-m", "matrix", "run", "--results", results, success_codes=[0, 1])
    session.run("python", "-m", "matrix.repro", results, *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """Run the whole test suite, in parallel: the cells, the units, the surface, short stress."""
    prepare(session, "tests")
    session.run("pytest", "-n", "auto", *session.posargs)


@nox.session
def stress(session: nox.Session) -> None:
    """Run all stress suites; `-- --long` for the campaign of hours. A failure says how to repeat it."""
    stress_suites(session, "")


@nox.session
def leaks(session: nox.Session) -> None:
    """Count threads, descriptors, tasks, objects and bytes after many calls; `-- --long` for 100,000."""
    stress_suites(session, "test_leaks.py", "test_crowds.py")


@nox.session
def context_variables(session: nox.Session) -> None:
    """Run random programs of context variables beside native awaits; `-- --long` for 2,000 each."""
    stress_suites(session, "test_context_variables.py")


@nox.session
def exceptions(session: nox.Session) -> None:
    """Raise random trees of exceptions beside native awaits; `-- --long` for 2,000 each."""
    stress_suites(session, "test_exception_fidelity.py")


@nox.session
def schedules(session: nox.Session) -> None:
    """Let something come between any two opcodes of a call; `-- --long` for all, in hours."""
    stress_suites(session, "test_schedules.py")


@nox.session
def soak(session: nox.Session) -> None:
    """Walk random chains of contexts: a call in a fork in a signal handler; `-- --long` for 2,000."""
    stress_suites(session, "test_soak.py")


@nox.session
def interrupts(session: nox.Session) -> None:
    """Press Ctrl-C, let timers storm and finalisers call in; `-- --long` for minutes of each."""
    stress_suites(session, "test_interrupts.py", "test_reentry.py")


@nox.session
def mcp(session: nox.Session) -> None:
    """Test the tools of MCP servers: real ones, as child processes."""
    prepare(session, "mcp")
    session.run("pytest", "tests/unit/runtime/test_mcp.py", *session.posargs)


@nox.session
def postgresql(session: nox.Session) -> None:
    """Test runs and conversations kept in PostgreSQL: a real server, the system's or one of a package."""
    prepare(session, "postgresql")
    tests = ("test_storages.py", "test_postgresql.py", "test_memory_stores.py")
    session.run("pytest", *(f"tests/unit/storage/{name}" for name in tests), *session.posargs)


@nox.session
def kills(session: nox.Session) -> None:
    """Kill runs at each of their moments and resume them; `-- --long` kills what is resumed as well."""
    prepare(session, "tests")
    session.run("pytest", "tests/unit/storage/test_killed_runs.py", *session.posargs)


@nox.session
def dask(session: nox.Session) -> None:
    """Test shards and maps on executors: pools, and a real cluster of dask.distributed."""
    prepare(session, "dask")
    tests = ["tests/unit/matrix/test_spread.py", "tests/unit/runtime/test_map_on_a_cluster.py"]
    session.run("pytest", *tests, *session.posargs)


@nox.session
def interpreters(session: nox.Session) -> None:
    """Run contexts and short stress on every CPython found here; `-- --list` says which are."""
    prepare(session, "interpreters")
    session.run("python", "-m", "matrix.interpreters", *session.posargs)


@nox.session
def page(session: nox.Session) -> None:
    """Test the page of results in the Chromium that is installed; in CI, one must be."""
    prepare(session, "page")
    session.run("pytest", "tests/page", *session.posargs)


@nox.session
def screenshots(session: nox.Session) -> None:
    """Draw the pictures in docs/images anew: the page of a run, a workflow, a timeline."""
    prepare(session, "page")
    results = session.create_tmp()
    select = ["--target", "fresh_thread,agent_runtime", "--entry-point", "run_workflow,runtime_run"]
    contexts = ["--context", "plain_script,asyncio_*,uvloop_run,jupyter_*,fastapi_*"]
    run = ["python", "-m", "matrix", "run", *select, *contexts, "--results", results]
    session.run(*run, success_codes=[0, 1])
    session.run("python", "-m", "tests.page.screenshots", results)
    session.run("python", "-m", "tests.page.pictures")


@nox.session
def bench(session: nox.Session) -> None:
    """Measure what a call costs, here and in the field; writes results/bench.{md,json,svg}."""
    prepare(session, "bench", "contexts")
    session.run("python", "-m", "benchmarks", *session.posargs)
    for name in ("step_overhead", "many_runs", "import_time", "gate"):
        if (PROJECT_FOLDER / "benchmarks" / f"{name}.py").exists():
            session.run("python", "-m", f"benchmarks.{name}")


@nox.session
def bench_runtimes(session: nox.Session) -> None:
    """Compare with LangGraph, pydantic-graph, Haystack, LlamaIndex; writes results/runtimes.{md,json,svg}."""
    prepare(session)
    for one in nox.project.dependency_groups(PROJECT, "runtimes"):
        # What cannot be installed is named in the table.
        session.install(*constrained(session, "runtimes-"), one, success_codes=[0, 1], silent=True)
    session.run("python", "-m", "benchmarks.runtimes", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check code, formatting and the workflows of CI; nothing is changed."""
    install(session, "lint")
    for command in LINT:
        session.run(*command)


@nox.session
def newest(session: nox.Session) -> None:
    """Run gate, tests and lint with today's newest packages, and name which turned what red; `-- --pre`."""
    prepare(session, "tests", "lint")
    groups = ("--group=tests", "--group=lint")
    lint = (f"--lint={shlex.join(command)}" for command in LINT)
    session.run("python", "-m", "matrix.newest", *groups, *lint, *session.posargs)


@nox.session
def typing(session: nox.Session) -> None:
    """Check all types strictly: the package, the matrix, the tests and this file; sync forms with pyright."""
    prepare(session, "typing")
    session.run("mypy")
    session.run("mypy", "noxfile.py")
    session.run("basedpyright")


@nox.session
def constraints(session: nox.Session) -> None:
    """Write the files of constraints/ from pyproject.toml; `-- --upgrade` takes today's newest versions."""
    session.install(*nox.project.dependency_groups(PROJECT, "constraints"))
    session.run("python", "-m", "matrix.constraints", *session.posargs)


@nox.session
def wheel(session: nox.Session) -> None:
    """Build the wheel, install it alone, away from the checkout, and run a workflow with it."""
    folder = session.create_tmp()
    constrained(session)
    session.run("python", "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, ".")
    session.install(*constrained(session), *PROJECT["project"]["dependencies"])
    session.install("--force-reinstall", "--no-index", "--no-deps", "--find-links", folder, "agent-runtime")
    example = (PROJECT_FOLDER / "examples" / "greeting.py").resolve()
    session.chdir(folder)
    session.run("python", "-I", str(example))
