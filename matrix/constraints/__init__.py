"""``nox -s constraints``: the versions that the tests have passed with, one file for each supported CPython.

::

    declared   what pyproject.toml asks for, and which file it goes into
    files      which file is an interpreter's
    pinned     what a file says, and what it lacks
    wheels     versions that have wheels for a build without the GIL
    __main__   python -m matrix.constraints: write the files with uv
"""
