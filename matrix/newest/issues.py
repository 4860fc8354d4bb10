"""``python -m matrix.newest.issues FOLDER``: open one issue on GitHub for each new failure, and none twice.

It reads every ``newest.json`` in the folder, and asks ``gh``, the command line of GitHub, which issues there
are: open ones and closed ones, by title.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ("failures_in", "main")

_SHOWN = 30
"""How many red things the text of an issue lists."""
_LOOKED_AT = 1_000
"""How many issues are asked for; only those whose title begins as ours are looked for."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser("python -m matrix.newest.issues", description=__doc__)
    parser.add_argument("folder", type=Path, help="where the files of the runs are, in folders of any names")
    found = failures_in(sorted(parser.parse_args(arguments).folder.rglob("newest.json")))
    try:
        known = _titles() if found else set()
        for title, text in found.items():
            if title in known:
                print(f"there is an issue already: {title}")
            else:
                _gh("issue", "create", "--title", title, "--body", text)
                print(f"opened: {title}")
    except subprocess.CalledProcessError as error:
        print(f"gh failed: {error.stderr}", file=sys.stderr)
        return 1
    return 0


def failures_in(files: Iterable[Path]) -> dict[str, str]:
    """Return the texts of issues by title, for what all runs have found; what came and went is left out."""
    texts: dict[str, list[str]] = {}
    for path in files:
        run: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        where = f"CPython {run['python']} on {run['system']} {' '.join(run['options'])}".rstrip()
        for title, reds in run["failures"].items():
            if all(red["reason"] == "came out otherwise when run again" for red in reds):
                continue
            lines = texts.setdefault(title, [])
            lines += [f"### {where}", "", *map(_line, reds[:_SHOWN])]
            lines += [f"- and {len(reds) - _SHOWN} more"] if len(reds) > _SHOWN else []
            lines.append("")
    return {title: "\n".join(lines) for title, lines in texts.items()}


def _line(red: dict[str, Any]) -> str:
    packages = [
        f"{one['name']} {one['newest']}, tested {one['tested'] or 'without'}" for one in red["packages"]
    ]
    because = "; ".join(packages) or red["reason"]
    said = " ".join(str(red["said"]).split())[:300].replace("`", "'")
    return f"- {red['kind']} `{red['name']}` ({because}): `{said or red['word']}`" + (
        f"\n  `{red['repeat']}`" if red["repeat"] else ""
    )


def _titles() -> set[str]:
    asked = ("--state", "all", "--search", '"Newest packages: red" in:title', "--json", "title")
    listed = _gh("issue", "list", *asked, "--limit", str(_LOOKED_AT))
    return {one["title"] for one in json.loads(listed)}


def _gh(*arguments: str) -> str:
    done = subprocess.run(
        ["gh", *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True
    )
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
