"""``python -m matrix repro CELL``: one script that shows a cell's behaviour without the matrix.

::

    verb       verb                          python -m matrix repro
    flatten    sources · scopes · flatten    modules as definitions; those that are needed, as one text
    script     script · header               which definitions a cell needs, and what is said of it on top
    inside     inside/                       what every script brings along in the place of the machine
    compare    __main__ · compared           what scripts show beside what a run has said
"""
