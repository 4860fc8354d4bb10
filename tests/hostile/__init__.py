"""Workflows made to harm: files, their places, and values in a run."""
