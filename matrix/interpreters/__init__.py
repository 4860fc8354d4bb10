"""Contexts and short stress on every CPython of this machine, each with an environment of its own.

::

    declared      what pyproject.toml says: supported versions, requirements
    found         which interpreters there are, and which supported ones are missing
    environment   one virtual environment an interpreter; what has no wheel for it is left out by name
    suites        run one suite in it, and count what came of it
    table         version x suite
    __main__      python -m matrix.interpreters

``nox -s interpreters`` runs it.
"""
