"""Exploration at the level of opcodes: one disturbance at every point of every section of a call's life.

``python -m tests.helpers.exploration SECTION`` visits every point, ``--sample N`` some, ``--at K`` one.
"""
