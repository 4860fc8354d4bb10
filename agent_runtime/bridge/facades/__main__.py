"""Write down for type checkers what syncify() makes while a program runs.

``python -m agent_runtime.bridge.facades pkg.client`` prints the stub of a module of facades, such as::

    from agent_runtime.bridge import syncify
    from pkg.async_client import AsyncClient

    Client = syncify(AsyncClient)

The stub has every signature, docstring and attribute, in sync form, and belongs beside the module:
``pkg/client.pyi``. ``--write`` puts it there; ``--check`` ends with code 1 if what is there is old.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import inspect
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from agent_runtime.bridge.facades.classes import Facade
from agent_runtime.bridge.facades.stub_classes import write_class
from agent_runtime.bridge.facades.stub_functions import that_count, write_function
from agent_runtime.bridge.facades.stub_names import Scope, StubNames, source_of

__all__ = ("main", "stub_of")

_HEADER = """\
# Made by `python -m agent_runtime.bridge.facades {module} --write`; not to be edited.
# ruff: noqa
# fmt: off"""


def stub_of(module: ModuleType) -> str:
    """Return the text of the stub for a module of facades and sync forms of functions.

    Raises:
        OSError: an async class or function has no source in Python.
        TypeError: the module holds nothing of the kind, or something else that is public, which a stub
            would hide.
    """
    made: dict[str, Any] = {name: value for name, value in vars(module).items() if _is_made(value)}
    _check_rest(module, set(made))
    classes: dict[str, type[Facade[Any]]] = {
        name: value for name, value in made.items() if isinstance(value, type)
    }
    names = StubNames({each.async_class: name for name, each in classes.items()})
    body: list[ast.stmt] = []
    for name, value in made.items():
        if value.__module__ != module.__name__ and isinstance(value, type):
            continue
        if isinstance(value, type):
            body.append(write_class(names, value, name))
        else:
            body += _write_forms(names, name, value.async_function)
    header = _HEADER.format(module=module.__name__)
    return "\n\n".join([header, "\n".join(names.imports()), *map(ast.unparse, body)]) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code: 1 for a stub that is not up to date, 2 for a mistake."""
    parser = argparse.ArgumentParser(
        prog="python -m agent_runtime.bridge.facades",
        description="Write the stub (.pyi) of a module of facades, for type checkers.",
    )
    parser.add_argument("module", help="a module of facades that can be imported, such as pkg.client")
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--write", action="store_true", help="write the .pyi beside the module")
    action.add_argument("--check", action="store_true", help="end with code 1 if the .pyi is not up to date")
    chosen = parser.parse_args(arguments)
    try:
        module = importlib.import_module(chosen.module)
        text = stub_of(module)
    except (ModuleNotFoundError, OSError, TypeError) as error:
        parser.error(str(error))
    path = Path(module.__file__ or "").with_suffix(".pyi")
    if chosen.write:
        path.write_text(text, encoding="utf-8")
    elif not chosen.check:
        sys.stdout.write(text)
    elif not path.exists() or path.read_text(encoding="utf-8") != text:
        sys.stderr.write(f"{path} is not up to date; run this with --write in the place of --check\n")
        return 1
    return 0


def _is_made(value: object) -> bool:
    if isinstance(value, type):
        return issubclass(value, Facade) and "async_class" in value.__dict__
    return inspect.isfunction(value) and hasattr(value, "async_function")


def _check_rest(module: ModuleType, made: set[str]) -> None:
    """Raise if there is nothing to write, or if the stub would hide a name that the module defines."""
    if not made:
        raise TypeError(f"{module.__name__} holds no facade; write Client = syncify(AsyncClient) there")
    for name, value in vars(module).items():
        is_own = getattr(value, "__module__", None) == module.__name__ and not inspect.ismodule(value)
        if is_own and not name.startswith("_") and name not in made:
            raise TypeError(
                f"{module.__name__}.{name} is not made by syncify(), and a stub would hide it;"
                f" keep facades in a module of their own"
            )


def _write_forms(names: StubNames, name: str, async_function: Callable[..., Any]) -> list[ast.stmt]:
    """Write the sync form of a function, with its overloads if it has any."""
    module, nodes = source_of(inspect.unwrap(async_function))
    found = [node for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    scope = Scope(names, module, {})
    return [write_function(node, scope, name=name) for node in that_count(found)]


if __name__ == "__main__":
    sys.exit(main())
