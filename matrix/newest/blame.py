"""Which packages a red cell, test or command needs to be red: halves of those that differ, tried in turn."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from matrix.bisection.environments import PlaceError
from matrix.bisection.search import smallest
from matrix.newest.packages import some_newest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matrix.newest.checks import Checks, Red
    from matrix.newest.packages import Difference

__all__ = ("FLAKY", "NEW_ENVIRONMENT", "TESTED_TOO", "Blame", "blame")

FLAKY = "came out otherwise when run again"
TESTED_TOO = "red with the tested versions, too"
NEW_ENVIRONMENT = "red in an environment of its own only, whatever versions are put into a tested one"


@dataclass(frozen=True)
class Blame:
    """What was found of something red.

    Attributes:
        red: what is red.
        packages: the newest versions that it needs to be red, none of which can be left out.
        reason: why there are none.
    """

    red: Red
    packages: tuple[Difference, ...] = ()
    reason: str = ""

    @property
    def title(self) -> str:
        """What an issue on it is called, the same in each run: all that one package turns red are one."""
        if self.packages:
            return (
                f"Newest packages: red with {', '.join(f'{one.name} {one.newest}' for one in self.packages)}"
            )
        return f"Newest packages: red for no package: {self.red.name}"[:240]


class _Trials:
    """What was red with which part of the newest versions; each part is tried once, for all that is red."""

    def __init__(
        self,
        checks: Checks,
        reds: Sequence[Red],
        options: Sequence[str],
        folder: Path,
        note: Callable[[str], None],
    ) -> None:
        self._checks, self._reds, self._options, self._folder = checks, reds, options, folder
        self._note = note
        self._known: dict[tuple[Difference, ...], frozenset[Red]] = {}

    def is_red(self, red: Red, part: tuple[Difference, ...]) -> bool:
        """Return whether it is red in the same way with the newest versions of a part."""
        if part not in self._known:
            home = self._folder / str(len(self._known))
            try:
                python = some_newest(home, part, self._options)
                found = self._checks.again(python, home / "results", self._reds)
            except PlaceError as error:
                self._note(f"  {len(part)} packages cannot be put in: {error}")
                found = []
            self._known[part] = frozenset(found)
            named = ", ".join(one.name for one in part) if len(part) < 4 else f"{len(part)} packages"
            self._note(f"  the newest of {named or 'nothing'}: {len(found)} red")
        return red in self._known[part]


def blame(
    checks: Checks,
    reds: Sequence[Red],
    python: Path,
    different: tuple[Difference, ...],
    *,
    options: Sequence[str] = (),
    note: Callable[[str], None] = lambda _line: None,
) -> list[Blame]:
    """Return for each thing that is red in the newest environment which packages made it so.

    Blocks while environments are made and everything red is run in each; a handful for one cause.

    Args:
        checks: what is run.
        reds: what was red.
        python: the interpreter of the newest environment.
        different: the packages that differ there from what is tested.
        options: pip's.
        note: called with a line on each environment.
    """
    found = []
    with tempfile.TemporaryDirectory(prefix="matrix-newest-", ignore_cleanup_errors=True) as temporary:
        folder = Path(temporary)
        again = set(checks.again(python, folder / "again", reds)) if reds else set()
        steady = [red for red in reds if red in again]
        trials = _Trials(checks, steady, options, folder, note)
        for red in reds:
            if red not in again:
                found.append(Blame(red, reason=FLAKY))
            elif not trials.is_red(red, different):
                found.append(Blame(red, reason=NEW_ENVIRONMENT))
            else:
                part = smallest(different, lambda part, red=red: trials.is_red(red, part))  # type: ignore[misc]
                found.append(Blame(red, part, "" if part else TESTED_TOO))
    return found
