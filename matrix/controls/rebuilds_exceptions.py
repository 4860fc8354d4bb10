"""Makes each exception anew from its class and ``args``, as what stands between processes does.

Notes, cause and identity are lost, and odd classes cannot be made so.
"""

from __future__ import annotations

from collections.abc import Mapping

from matrix.controls._right import right
from matrix.model import Control, Source

CONTROL = Control(
    "rebuilds_exceptions",
    summary="raises a new exception of the same class and arguments",
    caught_by=("raises_the_steps_own_exception", "ends_traceback_in_user_code"),
    harmless=True,
)


def call(source: Source, inputs: Mapping[str, object]) -> Mapping[str, object]:
    """Run the source; carry over what it raises by value."""
    try:
        return right(source, inputs)
    except Exception as error:  # noqa: BLE001 - made anew below
        rebuilt = type(error)(*error.args)
    raise rebuilt
