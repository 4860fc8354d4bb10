"""``python -m agent_runtime.loading.json_schema``: print the schema of the workflow file.

With ``--path``, the file that is published with the package, for editors and validators. With ``--write``,
that file is made anew; a test says when it is old.
"""

from __future__ import annotations

import argparse
import json
import sys

from agent_runtime.loading.json_schema import SCHEMA_FILE, workflow_schema

__all__ = ("main",)


def main() -> None:
    """Do what the arguments say."""
    parser = argparse.ArgumentParser(prog="python -m agent_runtime.loading.json_schema", description=__doc__)
    either = parser.add_mutually_exclusive_group()
    either.add_argument("--path", action="store_true", help="print the path of the published file")
    either.add_argument("--write", action="store_true", help="write that file anew")
    asked = parser.parse_args()
    if asked.path:
        print(SCHEMA_FILE)
        return
    text = json.dumps(workflow_schema(), indent=2) + "\n"
    if asked.write:
        with open(SCHEMA_FILE, "w", encoding="utf-8") as file:
            file.write(text)
    else:
        sys.stdout.write(text)


if __name__ == "__main__":
    main()
