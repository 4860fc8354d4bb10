"""One file, one claim: ``PROBE``, ``check(run)`` and the ``broken(run)`` that ``check`` must notice."""
