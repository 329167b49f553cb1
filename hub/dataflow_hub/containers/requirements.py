"""The part of the lock that an image needs: a package, all that it requires in turn, each with its hashes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, distribution

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from dataflow_hub.errors import MissingError

_OLDEST = "3.11.0"
_ENTRY = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==[^\n]*(?:\n[ \t]+[^\n]*)*", re.MULTILINE)


def subset(lock: str, wanted: Iterable[str]) -> str:
    """Give the entries of `lock` that installing `wanted` takes, in the lock's own order.

    Parameters
    ----------
    lock
        The text of a requirements file with hashes.
    wanted
        Requirements, such as `mlflow[auth]`. What they require in turn is read from the environment that this runs in, which the
        same lock made.

    Raises
    ------
    MissingError
        A package is not in the lock.
    """
    needed = closure(wanted)
    entries = [(canonicalize_name(found["name"]), found[0]) for found in _ENTRY.finditer(lock)]  # a name may have one for each platform
    unlocked = sorted(needed - {name for name, _ in entries})
    if unlocked:
        raise MissingError(f"The lock has no {', '.join(unlocked)}.", why="An image is made of locked packages only.", fix="make lock")
    return "".join(f"{text}\n" for name, text in entries if name in needed)


def closure(wanted: Iterable[str]) -> set[str]:
    """Give the normalized names of `wanted` and of all they require, on this Python or on the oldest that the lock knows."""
    waiting = [Requirement(text) for text in wanted]
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        requirement = waiting.pop()
        key = canonicalize_name(requirement.name), frozenset(requirement.extras)
        if key not in seen:
            seen.add(key)
            waiting += _required(requirement)
    return {name for name, _ in seen}


def _required(requirement: Requirement) -> Iterator[Requirement]:
    try:
        texts = distribution(requirement.name).requires or ()
    except PackageNotFoundError:  # a backport that this Python does without: the lock has it all the same
        return
    for each in map(Requirement, texts):
        if each.marker is None or any(each.marker.evaluate(facts) for facts in _facts(requirement)):
            yield each


def _facts(requirement: Requirement) -> Iterator[dict[str, str]]:
    """Give what markers may be told: an image's Python is another than this one, so the oldest that the lock knows counts too."""
    for extra in ("", *requirement.extras):
        yield {"extra": extra}
        yield {"extra": extra, "python_version": _OLDEST.rpartition(".")[0], "python_full_version": _OLDEST}
