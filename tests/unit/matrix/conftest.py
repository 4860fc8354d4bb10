"""What the tests of the machine share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.helpers.registries import Toy

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    """An empty registry in a folder of its own, with one entry point."""
    return Toy(tmp_path / "registry")


@pytest.fixture
def four(toy: Toy) -> Toy:
    """A registry whose gate needs four hosts besides those of controls: two contexts, an isolated probe."""
    return toy.context("alpha").context("beta").probe("first").probe("alone", more="isolated=True")
