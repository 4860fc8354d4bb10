"""A child of a process that has made calls can make calls at once, and the parent goes on."""

from __future__ import annotations

import os
import select
import signal
import sys
import warnings
from collections.abc import Mapping

from matrix.model import Expected, Facts, Probe, Run, Source, expect


def _skip_when(facts: Facts) -> str | None:
    del facts
    return None if hasattr(os, "fork") else "this system does not fork"


PROBE = Probe(
    "works_in_a_forked_child",
    claim="a child forked after a call can make calls at once, and so can its parent",
    promise="S13",
    skip_when=_skip_when,
)

_LIMIT = 10.0
"""Seconds for the child's one call, which takes milliseconds."""

_TEXT = """
name: family
steps:
  - id: asynchronous
    tool: work
  - id: plain
    function: work
outputs:
  values: ["${steps.asynchronous.output}", "${steps.plain.output}"]
"""


async def _work() -> str:
    return "well"


_SOURCE = Source(_TEXT, functions={"work": lambda: "well"}, tools={"work": _work})
_WANTED = ["well", "well"]


def check(run: Run) -> None:
    if sys.platform == "win32":
        return
    expect(got=run(_SOURCE, {})["values"], wanted=_WANTED, of="a call before the fork")
    ended, tell_end = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # 3.12 and later warn of a fork with threads
        child = os.fork()
    if child == 0:
        _be_the_child(run, tell_end)
    os.close(tell_end)
    said = _hear(ended, child)

    expect(got=said, wanted=repr(_WANTED), of="a call in the forked child")
    expect(got=run(_SOURCE, {})["values"], wanted=_WANTED, of="a call in the parent afterwards")


def _be_the_child(run: Run, tell_end: int) -> None:
    """Say what a call comes to and end, without a step back into what the parent was doing."""
    try:
        said = repr(run(_SOURCE, {})["values"])
    except BaseException as error:  # noqa: BLE001 - said to the parent, which judges
        said = repr(error)
    try:
        os.write(tell_end, said.encode()[:4096])
    finally:
        os._exit(0)


def _hear(ended: int, child: int) -> str:
    """Return what the child says before its end, and see it off."""
    try:
        if not select.select([ended], [], [], _LIMIT)[0]:
            raise Expected(of="a call in the forked child", wanted="a result", got=f"none in {_LIMIT} s")
        return os.read(ended, 4096).decode()
    finally:
        os.close(ended)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def broken(run: Run) -> Run:
    """Go on with the loop thread of the parent, which no child has."""
    process = os.getpid()

    def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
        if os.getpid() != process:
            raise RuntimeError("the loop thread is gone")
        return run(source, inputs)

    return call
