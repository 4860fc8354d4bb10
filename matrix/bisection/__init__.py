"""``python -m matrix bisect CELL``: what a cell's outcome hangs on, found by trying.

::

    seen           what one step has seen: one outcome, several in turn, or nothing
    search         the two searches, which know nothing of cells
    chain          the smallest chain of contexts in which the cell still fails so
    environments   a version of a package, or of Python, as an environment that performs the cell
    versions       where between two versions, or interpreters, the outcome flips
    text           all of it for readers
    command        the command line
"""
