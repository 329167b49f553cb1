"""Keeps one student from filling the disk for all: `python -m dataflow_hub.server.home_guard`, started by the hub.

A server whose home goes on growing beyond `[sandbox] home_stop_mib` is stopped, and beyond `home_mib` already while the machine's
disk has less than `disk_reserve_mib` left. Nothing is deleted: its owner starts it again, and makes room.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import TYPE_CHECKING

from dataflow_hub.logs import configure_logging, get_logger
from dataflow_hub.server import home_size
from dataflow_hub.settings import load_lab
from dataflow_kernels.environ import process_environment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dataflow_hub.sandbox.disk import Size
    from dataflow_hub.settings import Lab

_LOOK_SECONDS = 0.5  # asking a file system for its free room costs nothing, and a disk writes a gigabyte a second
_COUNT_SECONDS = 20.0  # counting files does
_COUNT_SHARE = 5  # counting takes at most so small a part of the time
_SLACK_BYTES = 32 << 20  # what a server and a kernel write of themselves: history, settings, logs
_SLACK_FILES = 1_000
_FEW_FILES = 50_000  # places for files that a file system must have left
_TIMEOUT_SECONDS = 10
_PAGES = "application/jupyterhub-pagination+json"
_log = get_logger("home-guard")


def goes_beyond(lab: Lab, size: Size, at_start: Size, *, scarce: bool) -> bool:
    """Tell whether a server has to be stopped, whose home held `at_start` and now holds `size`; `scarce` when the disk is nearly full.

    One that shrinks, or stays as it was found, may run: its owner is making room.
    """
    if home_size.is_beyond_counting(size):
        return True
    limit = lab.settings.sandbox.home_mib if scarce else lab.settings.sandbox.home_stop_mib
    many_bytes = size.bytes > limit << 20 and size.bytes > at_start.bytes + _SLACK_BYTES
    return many_bytes or (size.files > home_size.MOST_FILES and size.files > at_start.files + _SLACK_FILES)


def is_scarce(lab: Lab) -> bool:
    """Tell whether the disk that the homes are on has less left than it must."""
    disk = os.statvfs(lab.workspace.homes)
    few_files = disk.f_files > 0 and disk.f_favail < min(_FEW_FILES, disk.f_files // 10)  # btrfs, for one, does not count them
    return few_files or disk.f_bavail * disk.f_frsize < lab.settings.sandbox.disk_reserve_mib << 20


class Guard:
    """Looks at the disk often, and at the homes of running servers when it is time or the disk is nearly full."""

    def __init__(self, lab: Lab, hub: HubServers) -> None:
        self.lab, self.hub = lab, hub
        self._soonest = self._latest = 0.0  # when homes may be counted again, and when they are without need

    def look(self) -> None:
        """Look once, and stop the servers that go beyond what is theirs."""
        scarce = is_scarce(self.lab)
        began = time.monotonic()
        if began < (self._soonest if scarce else self._latest):
            return
        for user in self.hub.running():
            if self._is_to_stop(user, scarce=scarce):
                self.hub.stop(user)
        ended = time.monotonic()
        self._soonest = ended + (ended - began) * _COUNT_SHARE
        self._latest = max(self._soonest, began + _COUNT_SECONDS)

    def _is_to_stop(self, user: str, *, scarce: bool) -> bool:
        if home_size.was_stopped(self.lab, user):  # and is there still: the hub did not take it
            return True
        size = home_size.count(self.lab, user)
        if not goes_beyond(self.lab, size, home_size.kept(self.lab, user), scarce=scarce):
            return False
        _log.warning("a home goes beyond its size: its server is stopped", user=user, bytes=size.bytes, files=size.files)
        home_size.keep(self.lab, user, size, stopped=True)
        return True


class HubServers:
    """The hub's students' servers, by its API."""

    def __init__(self, address: str, token: str) -> None:
        self._address, self._token = address.rstrip("/"), token

    def running(self) -> Iterator[str]:
        """Give the accounts whose server runs, or starts: what is in a home is executed before the server answers."""
        address = f"{self._address}/users?state=active"
        while address:
            page = json.loads(self._ask("GET", address))
            for user in page["items"]:
                yield str(user["name"])
            following = page["_pagination"]["next"]
            address = following["url"] if following else ""

    def stop(self, user: str) -> None:
        """Let a server be stopped."""
        with contextlib.suppress(urllib.error.HTTPError):  # it is stopping already, or starting: its spawner sees to that
            self._ask("DELETE", f"{self._address}/users/{urllib.parse.quote(user, safe='')}/server")

    def _ask(self, method: str, address: str) -> bytes:
        headers = {"Authorization": f"token {self._token}", "Accept": _PAGES}
        request = urllib.request.Request(address, method=method, headers=headers)  # noqa: S310 - the hub's own loopback address
        with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as reply:  # noqa: S310 - likewise
            return bytes(reply.read())


def main() -> None:
    """Look until the hub ends this process."""
    configure_logging()
    given = process_environment()
    guard = Guard(load_lab(), HubServers(given["JUPYTERHUB_API_URL"], given["JUPYTERHUB_API_TOKEN"]))
    while True:
        try:
            guard.look()
        except OSError as error:
            _log.info("the hub did not answer; it is asked again", reason=str(error))
        time.sleep(_LOOK_SECONDS)


if __name__ == "__main__":
    main()
