"""A real Jupyter kernel, started without any installed kernel specification, that executes a notebook."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from matrix.contexts._join import ROOT

__all__ = ("execute",)


def execute(sources: Iterable[str]) -> list[str]:
    """Execute each source as a fresh code cell of one notebook, all in one kernel.

    Returns:
        What each cell printed.

    Raises:
        CellExecutionError: a cell raised.
        DeadKernelError: the kernel died.
    """
    import nbformat
    from nbclient import NotebookClient

    cells = [nbformat.v4.new_code_cell(source) for source in sources]  # type: ignore[no-untyped-call]  # untyped
    with tempfile.TemporaryDirectory() as folder, _environment_in(folder):
        notebook = nbformat.v4.new_notebook(cells=cells)  # type: ignore[no-untyped-call]  # untyped
        client = NotebookClient(notebook, km=_manager(folder), timeout=None)
        client.execute(cwd=os.getcwd(), cleanup_kc=True)
    return ["".join(output.get("text", "") for output in cell.outputs) for cell in notebook.cells]


def _manager(folder: str) -> Any:
    """Return a manager whose only kernel is the Python that runs this."""
    from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
    from jupyter_client.manager import AsyncKernelManager

    class OnlyThisPython(KernelSpecManager):
        def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
            del kernel_name
            argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
            return KernelSpec(argv=argv, display_name="this Python", language="python")

    manager = AsyncKernelManager(kernel_spec_manager=OnlyThisPython(), kernel_name="this-python")
    if sys.platform != "win32":
        # Sockets in a folder of its own: a kernel on ports warns that others could listen.
        manager.transport, manager.ip = "ipc", str(Path(folder, "socket"))
    return manager


@contextmanager
def _environment_in(folder: str) -> Iterator[None]:
    """Let the kernel read no settings of the user's, leave nothing behind, and find what it joins."""
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    changes = {
        "IPYTHONDIR": str(Path(folder, "ipython")),
        "JUPYTER_CONFIG_DIR": str(Path(folder, "config")),
        "JUPYTER_RUNTIME_DIR": str(Path(folder, "runtime")),
        "JUPYTER_PLATFORM_DIRS": "1",
        "PYTHONPATH": path,
    }
    before = {name: os.environ.get(name) for name in changes}
    os.environ.update(changes)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
