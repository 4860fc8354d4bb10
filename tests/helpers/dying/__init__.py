"""Runs that are killed with SIGKILL at every moment there is, and resumed: in processes of their own."""

from __future__ import annotations

from tests.helpers.dying.campaign import Death, deaths_of

__all__ = ("Death", "deaths_of")
