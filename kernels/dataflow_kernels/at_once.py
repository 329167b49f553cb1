"""Several calls at the same moment: what happens when an import is started twice, or by three machines."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any


def at_once(function: Callable[..., Any], calls: Sequence[Mapping[str, Any]]) -> None:
    """Call `function` once with each of the keyword arguments, all at the same moment, one thread each; wait for all.

    One call alone is made in the thread of the caller.

    Raises
    ------
    BaseException
        What the first of the failed calls raised, in the order of `calls`; the errors of the others are its notes.
    """
    if len(calls) == 1:
        function(**calls[0])
        return
    together = threading.Barrier(len(calls))

    def call(arguments: Mapping[str, Any]) -> BaseException | None:
        together.wait()
        try:
            function(**arguments)
        except BaseException as error:  # noqa: BLE001 - raised below, when every call has ended
            return error
        return None

    with ThreadPoolExecutor(len(calls)) as pool:
        errors = [error for error in pool.map(call, calls) if error is not None]
    for error in errors[1:]:
        errors[0].add_note(f"and another call: {type(error).__name__}: {str(error)[:300]}")
    if errors:
        raise errors[0]
