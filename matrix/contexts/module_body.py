"""The body of a module that is being imported: the import system holds that module's lock."""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import sys
from collections.abc import Sequence
from types import ModuleType

from matrix.contexts._observe import ALL_FACTS
from matrix.model import Context, Facts, Inside, Job

_PREFIX = "_matrix_module_body_"

CONTEXT = Context(
    "module_body",
    summary="in the body of a module while it is imported",
    facts=Facts(
        running_loop=None, current_task=False, main_thread=True, evidence={"module": "half imported"}
    ),
    inside=Inside(keeps=ALL_FACTS, again=False),  # modules are found by their names
)


def host(job: Job) -> None:
    finder = _Finder(job)
    sys.meta_path.insert(0, finder)
    try:
        for number in range(len(job.cells)):
            importlib.import_module(f"{_PREFIX}{number}")
    finally:
        sys.meta_path.remove(finder)
        for number in range(len(job.cells)):
            sys.modules.pop(f"{_PREFIX}{number}", None)  # as a link of a chain it is entered for each cell


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds one module a cell, whose body performs it."""

    def __init__(self, job: Job) -> None:
        self._job = job

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Claim the modules named after cells."""
        del path, target
        return importlib.machinery.ModuleSpec(fullname, self) if fullname.startswith(_PREFIX) else None

    def exec_module(self, module: ModuleType) -> None:
        """Be the module's body."""
        spec = module.__spec__
        half_imported = module.__name__ in sys.modules and getattr(spec, "_initializing", False)
        cell = self._job.cells[int(module.__name__.removeprefix(_PREFIX))]
        self._job.perform(cell, evidence={"module": "half imported" if half_imported else "imported"})
