"""What the Compose files of the lab's own services and of others' say alike, and how they are written."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import yaml  # type: ignore[import-untyped] # its stubs are not among the locked packages

from dataflow_hub.errors import SettingsError
from dataflow_hub.secrets import lab_id

if TYPE_CHECKING:
    from dataflow_hub.settings import Lab

STATE = "${DATAFLOW_STATE}"
LOGGING = {"driver": "json-file", "options": {"max-size": "5m", "max-file": "3"}}


class _Dumper(yaml.SafeDumper):  # type: ignore[misc]
    """Writes a thing that is there twice twice: tools take anchors, people do not."""

    def ignore_aliases(self, _data: Any) -> bool:
        return True


def yaml_text(*documents: Any, width: int = 140) -> str:
    """Give the YAML of one document, or of several in one file, in the order of what they hold."""
    return str(yaml.dump_all(documents, Dumper=_Dumper, sort_keys=False, width=width, allow_unicode=True))


def confinement(*, memory_mib: int, temporary_mib: int, processes: int, read_only: bool = True) -> dict[str, Any]:
    """Give what a service's container may not do, and how much it may take: it serves on the machine's loopback, and nothing else."""
    return {
        "network_mode": "host",
        "read_only": read_only,
        "tmpfs": [f"/tmp:exec,mode=1777,size={temporary_mib}m"],  # noqa: S108 - the container's own
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
        "mem_limit": f"{memory_mib}m",
        "pids_limit": processes,
    }


def mount(source: str, target: str, *, read_only: bool) -> dict[str, Any]:
    """Give a mount of what is there: a folder that is missing is an error, and not made by the engine as root."""
    return {"type": "bind", "source": source, "target": target, "read_only": read_only, "bind": {"create_host_path": False}}


def secret_files(names: list[str]) -> dict[str, dict[str, str]]:
    """Give the file of each secret."""
    return {name: {"file": f"{STATE}/secrets/{name}"} for name in names}


def passwd() -> str:
    """Give a container's list of users: Java and others want a name for the uid that they run as, whichever that is on this machine."""
    return f"root:x:0:0:root:/tmp:/usr/sbin/nologin\nlab:x:{os.getuid()}:{os.getgid()}:lab:/tmp:/bin/sh\n"


def variables(lab: Lab) -> dict[str, str]:
    """Give the variables that every file leaves open: which lab, and as whom its services run."""
    return {
        "DATAFLOW_LAB_ID": lab_id(lab),
        "DATAFLOW_STATE": str(lab.workspace.state),
        "DATAFLOW_UID": str(os.getuid()),
        "DATAFLOW_GID": str(os.getgid()),
    }


def env_text(values: Mapping[str, str]) -> str:
    """Give a file of variables as Compose reads it.

    Raises
    ------
    SettingsError
        A value cannot be written there.
    """
    return "".join(f"{name}='{_plain(value)}'\n" for name, value in sorted(values.items()))


def _plain(value: str) -> str:
    if "'" in value or "\n" in value:
        why = "No container could be given it."
        raise SettingsError("A setting holds a single quote or a line break.", why=why, fix="Write it without.")
    return value
