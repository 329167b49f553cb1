"""Lazy names: objects that are made when a cell first uses them, so that a kernel starts as fast as a plain one."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

from dataflow_kernels.errors import KernelError


class Lazy:
    """Stands in for an object until it is used; whoever asks its class, calls it or reads it gets the real one's answer."""

    def __init__(self, make: Callable[[], Any]) -> None:
        object.__setattr__(self, "_lazy", _Maker(make))

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        try:
            return type(resolve(self))
        except KernelError:  # `isinstance` is no place to fail: the use that follows is
            return Lazy

    def __getattr__(self, name: str) -> Any:
        if name.startswith(("_repr_", "_ipython_")):
            raise AttributeError(name)  # a display hook that probes must not start a JVM
        return getattr(resolve(self), name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the real object."""
        return resolve(self)(*args, **kwargs)

    def __repr__(self) -> str:
        return repr(resolve(self))


class _Maker:
    def __init__(self, make: Callable[[], Any]) -> None:
        self._make, self._lock, self._made = make, threading.Lock(), None

    def get(self) -> Any:
        with self._lock:
            if self._made is None:
                self._made = self._make()
            return self._made


def resolve(lazy: Lazy) -> Any:
    """Give the real object, made now if it was not yet. What its making raises is raised each time."""
    return object.__getattribute__(lazy, "_lazy").get()


def settle(source: str, namespace: MutableMapping[str, Any], names: Mapping[str, Lazy]) -> None:
    """Put the real object under each lazy name that `source` mentions and that nobody has rebound.

    So that a cell sees a true SparkSession and no stand-in. What cannot be made stays lazy: its error then shows where it is used.
    """
    code = re.sub(r"#.*", "", source)
    for name, lazy in names.items():
        if namespace.get(name) is lazy and re.search(rf"\b{name}\b", code):
            try:
                namespace[name] = resolve(lazy)
            except Exception:  # noqa: BLE001, S112 - raised again in the cell, with a traceback that points at the use
                continue
