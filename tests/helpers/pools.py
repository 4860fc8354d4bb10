"""Code that maps over pools of processes, run in a process of its own."""

from __future__ import annotations

import json
from typing import Any

from tests.helpers.children import Child, run_child

__all__ = ("run", "told")

BEGIN = """
    import functools, json, multiprocessing, os, sys, tempfile
    from concurrent.futures import ProcessPoolExecutor
    from agent_runtime import *
    from tests.helpers import portable
    from tests.helpers.portable_runtimes import runtime_of

    def pool(method="fork"):
        return ProcessPoolExecutor(2, mp_context=multiprocessing.get_context(method))

    def tell(value):
        print(json.dumps(value), flush=True)
"""


def run(code: str, *, limit: float = 60.0) -> Child:
    """Run code in a process that may fork: this one has threads by now."""
    return run_child(
        f"{BEGIN}\n{code}", limit=limit, options=("-W", "ignore:This process:DeprecationWarning")
    )


def told(code: str, *, limit: float = 60.0) -> Any:
    """Run code and return what it told."""
    return json.loads(run(code, limit=limit).check().stdout)
