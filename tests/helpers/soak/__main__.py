"""Walk chains in this process, twice; fail if anything is not as it should be or more is left than before."""

from __future__ import annotations

import argparse
import atexit
import contextvars
import gc
import os
import sys
import time
import warnings

from tests.helpers.soak.programs import Program, make_program
from tests.helpers.soak.walk import FAIL, Refused, Walk, expect, go, raised

_SETTLE_LIMIT = 10.0
"""Seconds that threads and descriptors get to come to rest."""


def main() -> None:
    """Walk the chains of the command line, or those that its seed makes."""
    parser = argparse.ArgumentParser(prog="python -m tests.helpers.soak", description=__doc__)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--chain", action="append", default=[], help="names of links with commas between")
    parser.add_argument("--at-exit", default="", help="a chain for an exit hook")
    options = parser.parse_args()
    program = Program(tuple(_chain(text) for text in options.chain), _chain(options.at_exit))
    if options.seed is not None:
        program = make_program(options.seed, chains=10, longest=8)
    # 3.12 and later warn of a fork in a process with threads, which is what this is about.
    warnings.simplefilter("ignore", DeprecationWarning)
    if program.at_exit:
        atexit.register(_walk, program.at_exit)
    _walk_all(program)
    before = _left()
    _walk_all(program)
    deadline = time.monotonic() + _SETTLE_LIMIT
    while any(now > then for now, then in zip(_left(), before, strict=True)):
        expect(
            time.monotonic() < deadline, True, f"threads and descriptors are {before} again, not {_left()}"
        )
        time.sleep(0.01)


def _chain(text: str) -> tuple[str, ...]:
    return tuple(text.split(",")) if text else ()


def _walk_all(program: Program) -> None:
    for chain in program.chains:
        _walk(chain)


def _walk(chain: tuple[str, ...]) -> None:
    names = [name for name in chain if name != FAIL]
    try:
        trace = contextvars.Context().run(go, Walk(chain))
    except Refused as error:
        expect(chain[-1:], (FAIL,), "the end of a chain that raised")
        expect(error is raised[-1], True, "the very exception came out")
        raised.clear()  # its traceback keeps the frames of every link
    except BaseException as error:
        error.add_note(f"in the chain {','.join(chain)}")
        raise
    else:
        expect((trace, chain[-1:] == (FAIL,)), (names, False), "the links that were walked")


def _left() -> tuple[int, int]:
    """Return how many threads and descriptors there are."""
    gc.collect()
    return len(os.listdir("/proc/self/task")), len(os.listdir("/proc/self/fd"))


if __name__ == "__main__":
    main()
    sys.stdout.flush()
