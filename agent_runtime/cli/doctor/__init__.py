"""What can be said of this machine: its facts, what is known to give trouble, and whether real calls work."""

from __future__ import annotations

from agent_runtime.cli.doctor.examination import Finding, Level, Report, examine

__all__ = ("Finding", "Level", "Report", "examine")
