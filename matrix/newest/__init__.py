"""``nox -s newest``: gate, tests and lint with today's newest packages, and which of them turned what red.

::

    packages    what is installed, the newest environment, and environments that have some of its versions
    pytest_log  what pytest's plugin writes down
    checks      run gate, tests and lint in an environment; what is red there
    blame       which packages a red cell, test or command needs to be red
    report      all of it, for readers and as data
    issues      python -m matrix.newest.issues: an issue for each new failure
    __main__    python -m matrix.newest
"""
