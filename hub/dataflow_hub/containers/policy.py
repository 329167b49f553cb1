"""What hub and formgrader may ask of the Docker engine: containers of students' servers and of their submissions, and nothing else.

Whoever speaks to a Docker engine is root on its machine. So they do not: they speak to `containers.api`, which asks here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataflow_hub.containers.engine import BOX, LABEL, SERVICE

_VERSION = re.compile(r"^/v1\.[4-9]\d(?=/)")  # what older ones allow, such as settings that come with a start, is not looked into here
_NAME = r"[a-zA-Z0-9][a-zA-Z0-9_.-]*"
_ASKS = re.compile(r"/_ping|/version")
_IMAGE = re.compile(r"/images/(?P<tag>[a-z0-9][a-z0-9./_-]*:[A-Za-z0-9_.-]+)/json")
_ONE = re.compile(rf"/containers/(?P<name>{_NAME})(?P<what>/json|/start|/stop|/kill|/attach|/wait)?")
_METHODS = {"/json": "GET", "/start": "POST", "/stop": "POST", "/kill": "POST", "/attach": "POST", "/wait": "POST", None: "DELETE"}
_OF_BOXES = ("/attach", "/wait")
_CREATE = "/containers/create"
_USER = re.compile(r"(?P<uid>\d+):(?P=uid)")

_SAID = ("Image", "Cmd", "Env", "User", "Hostname", "WorkingDir", "Labels", "HostConfig")  # of a container, whatever it says of them
_SILENT = ("ExposedPorts", "Volumes", "Tty", "OpenStdin", "StdinOnce", "AttachStdin", "AttachStdout", "AttachStderr", "NetworkDisabled")
# Limits and comforts: they can take from a container, and give it nothing.
_FREE = ("Tmpfs", "ShmSize", "Memory", "MemorySwap", "CpuPeriod", "CpuQuota", "PidsLimit", "Ulimits", "LogConfig", "AutoRemove", "Binds")
_LOGS = (None, "", "json-file")  # others send what a container says to other machines
_FIXED: Mapping[str, Any] = {"NetworkMode": "none", "CapDrop": ["ALL"], "SecurityOpt": ["no-new-privileges:true"], "ReadonlyRootfs": True}


@dataclass(frozen=True)
class Kind:
    """One kind of container: its images, who may run in it, and what of the host it may see.

    `writable` are folders of which what lies `depth` below may be mounted; `readable` those of which anything may be, to be read,
    and so may the files and folders of `shared`. All are as they were resolved when the door was opened: a link that is put in the
    place of one of them, or of what is below, leads out of them.
    """

    images: frozenset[str]
    uids: range
    writable: tuple[Path, ...]
    readable: tuple[Path, ...]
    shared: tuple[Path, ...]
    depth: int = 1

    def may_mount(self, bind: str) -> bool:
        """Tell whether such a container may have a mount, `source:target:mode`."""
        source, _, rest = bind.partition(":")
        path, mode = Path(source).resolve(), rest.rpartition(":")[2]
        if path.name != Path(source).name:  # itself a link, or a way out and back
            return False
        if len(path.parents) >= self.depth and path.parents[self.depth - 1] in self.writable:
            return mode in {"ro", "rw"}
        return mode == "ro" and (path in self.shared or _is_below(path, self.readable))


@dataclass(frozen=True)
class Policy:
    """One lab's containers, known by its label: students' `servers`, and the `boxes` of their submissions, known by one more.

    Where the lab is no root and cannot give files away, both run as the lab's own user, `lab_uid`.
    """

    lab_id: str
    lab_uid: int
    servers: Kind
    boxes: Kind

    def refusal(self, method: str, path: str, body: Mapping[str, Any]) -> str:
        """Say why a request is refused; "" when it may pass. A container's own label is the caller's to check (`is_own`)."""
        path = _VERSION.sub("", path)
        if method == "GET" and _ASKS.fullmatch(path):
            return ""
        if method == "GET" and (image := _IMAGE.fullmatch(path)) and image["tag"] in self.servers.images:
            return ""
        if method == "POST" and path == _CREATE:
            return self._container(body)
        found = _ONE.fullmatch(path)
        return "" if found and _METHODS[found["what"]] == method else f"{method} {path} is not the lab's to ask"

    def is_own(self, labels: Mapping[str, str], path: str) -> bool:
        """Tell whether `path` may be asked of a container with these labels: it is this lab's, and none of its services."""
        of_boxes = _VERSION.sub("", path).endswith(_OF_BOXES)
        return labels.get(LABEL) == self.lab_id and SERVICE not in labels and (BOX in labels or not of_boxes)

    def _container(self, body: Mapping[str, Any]) -> str:
        host, labels = body.get("HostConfig") or {}, body.get("Labels") or {}
        kind = self.boxes if BOX in labels else self.servers
        strange = [name for name, value in body.items() if value and name not in (*_SAID, *_SILENT)]
        strange += [f"HostConfig.{name}" for name, value in host.items() if value and name not in (*_FREE, *_FIXED)]
        wrong = [f"HostConfig.{name}" for name, value in _FIXED.items() if host.get(name) != value]
        wrong += ["Image"] * (body.get("Image") not in kind.images)
        wrong += ["Labels"] * ({name: value for name, value in labels.items() if name != BOX} != {LABEL: self.lab_id})
        wrong += ["HostConfig.LogConfig"] * ((host.get("LogConfig") or {}).get("Type") not in _LOGS)
        wrong += ["User"] * (not self._is_user(str(body.get("User")), kind.uids))
        wrong += [f"the mount {bind}" for bind in host.get("Binds") or () if not kind.may_mount(str(bind))]
        return f"not what the lab makes: {', '.join(strange + wrong)}" if strange or wrong else ""

    def _is_user(self, user: str, uids: range) -> bool:
        found = _USER.fullmatch(user)
        return found is not None and (int(found["uid"]) in uids or int(found["uid"]) == self.lab_uid != 0)


def body_to_pass_on(path: str, body: Mapping[str, Any]) -> bytes | None:
    """Give the body of a request as it was looked at: the text that came could say a thing twice, and the engine heed both."""
    return json.dumps(body).encode() if _VERSION.sub("", path) == _CREATE else None


def container_of(path: str) -> str:
    """Give the name or id of the container that a path speaks of, "" when of none that is there already."""
    path = _VERSION.sub("", path)
    found = _ONE.fullmatch(path)
    return found["name"] if found and path != _CREATE else ""


def _is_below(path: Path, folders: Iterable[Path]) -> bool:
    return any(folder in path.parents for folder in folders)
