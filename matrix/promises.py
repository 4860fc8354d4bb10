"""The promises in the words of the contract: ``docs/contract.md`` is the one place that has them."""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ("CONTRACT", "promises")

CONTRACT = Path(__file__).parents[1] / "docs" / "contract.md"


def promises(contract: Path = CONTRACT) -> dict[str, tuple[str, str]]:
    """Return title and text of each promise by its number; nothing where the contract is not at hand."""
    if not contract.is_file():
        return {}
    page = contract.read_text(encoding="utf-8")
    sections = re.findall(
        r"^## (S\d+) ([^\n]*)\n+(.*?)(?=^- Probes:|^## |\Z)", page, re.MULTILINE | re.DOTALL
    )
    return {number: (title, text.strip()) for number, title, text in sections}
