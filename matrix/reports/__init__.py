"""Bug reports of users turned into cells: ``python -m matrix import-issue``, and the files that it writes.

::

    report          a report as data: its passages, each with its kind and line
    entries         reads reports from YAML
    pages           reads one from Markdown, as issue trackers export it
    families        what goes wrong: the words that tell it, the probes that notice it
    places          where it goes wrong: the words that tell it, the contexts that are like it
    placing         a report to family, contexts, probes and cells, and what is missing for them
    regressions     the files of tests/regressions: written, read, held against the registry
    markdown        how many are mapped, and what is waited for, for the docs
    selected        the cells of imported reports, for a run
    command         the command line
"""

from __future__ import annotations

from pathlib import Path

__all__ = ("REGRESSIONS",)

REGRESSIONS = Path(__file__).parents[2] / "tests" / "regressions"
"""Where the files of imported reports are."""
