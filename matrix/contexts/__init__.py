"""One file, one host situation: ``CONTEXT`` says what it is, ``host(job)`` brings it about."""
