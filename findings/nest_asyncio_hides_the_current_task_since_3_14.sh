#!/usr/bin/env bash
# Guess: nest_asyncio patches asyncio the same way on every CPython, so what works in a notebook on 3.13 works on
# 3.14, or apply() refuses.
# Instead: apply() succeeds on 3.14, and asyncio.current_task() is None inside every task from then on. The
# tasks that nest_asyncio puts in the place of asyncio's are written in Python and noted where only Python code
# looks; since 3.14 the public function asks the C code alone. asyncio.timeout() and all that is built on it
# raise in code that no nested call is anywhere near.
#
# Seen with nest_asyncio 1.6.0 on CPython 3.14.8:
#   current task: None
#   asyncio.timeout(): RuntimeError: Timeout should be used inside a task
# On CPython 3.11.7 and 3.13.0: a task, and no error.
#
# PYTHON names a CPython 3.14 or later; pip may be any Python's.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --target "$folder/packages" nest-asyncio==1.6.0
PYTHONPATH="$folder/packages" "${PYTHON:-python3.14}" - <<'PYTHON'
import asyncio
import sys

import nest_asyncio

nest_asyncio.apply()


async def main() -> tuple[object, str]:
    try:
        async with asyncio.timeout(10):
            said = "no error"
    except RuntimeError as error:
        said = f"RuntimeError: {error}"
    return asyncio.current_task(), said


task, said = asyncio.run(main())
print(f"current task: {task}")
print(f"asyncio.timeout(): {said}")
sys.exit(0 if task is None and said.startswith("RuntimeError") else 1)
PYTHON
