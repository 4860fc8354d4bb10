"""Options and Hypothesis profiles that every part of the suite shares."""

from __future__ import annotations

import random
import signal
from typing import TYPE_CHECKING

import hypothesis
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.helpers.cells import Cells


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--long`` and ``--seed``, for the stress suites."""
    parser.addoption("--long", action="store_true", help="run the stress suites in their full length")
    parser.addoption("--seed", type=int, help="make all random choices by this number, as a failed run says")


@pytest.hookimpl(tryfirst=True)  # Hypothesis looks for its own seed here
def pytest_configure(config: pytest.Config) -> None:
    """Choose how many examples Hypothesis tries; a failure always prints what repeats it."""
    # A shell without job control starts what stands before `&` with SIGINT ignored, and children
    # would inherit that: tests of Ctrl-C need what a terminal would give them.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    hypothesis.settings.register_profile("short", max_examples=60, deadline=None, print_blob=True)
    hypothesis.settings.register_profile("long", max_examples=2_000, deadline=None, print_blob=True)
    hypothesis.settings.load_profile("long" if config.getoption("--long") else "short")
    if config.option.seed is None:
        # Short runs guard every change, and all make the same choices; a campaign makes new ones.
        config.option.seed = random.SystemRandom().randrange(10**6) if config.getoption("--long") else 1
    if config.option.hypothesis_seed is None:
        config.option.hypothesis_seed = str(config.option.seed)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say after a failure how its random choices can be made again."""
    if terminalreporter.stats.get("failed"):
        long = " --long" if config.getoption("--long") else ""
        terminalreporter.write_line(f"random choices were made by --seed {config.option.seed}{long}")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object | None:
    """With ``-n``, keep the cells of a context in one worker; any ``--dist`` that was asked for stays."""
    if config.getoption("dist") != "load":
        return None
    from tests.helpers.scheduling import CellScheduling

    return CellScheduling(config, log)


@pytest.fixture(scope="session")
def cells(request: pytest.FixtureRequest) -> Iterator[Cells]:
    """What became of each cell; runs the collected ones on demand, each once for all tests that ask."""
    from matrix.model import Cell
    from tests.helpers.cells import Cells

    parameters = [getattr(item, "callspec", None) for item in request.session.items]
    given = [spec.params.get("cell") for spec in parameters if spec is not None]
    collected = [cell for cell in given if isinstance(cell, Cell)]  # other tests name other things so
    running = Cells(list(dict.fromkeys(collected)), worker=hasattr(request.config, "workerinput"))
    yield running
    running.close()


@pytest.fixture
def long(request: pytest.FixtureRequest) -> bool:
    """Whether this is a run in full length."""
    return bool(request.config.getoption("--long"))


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """The number that all random choices are made by; ``--seed`` gives it."""
    return int(request.config.getoption("--seed"))
