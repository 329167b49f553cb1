"""A student's pod: what it may use, what it may not do, and what of it is each student's own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dataflow_hub.sandbox.box import account_files
from dataflow_hub.server import profiles
from dataflow_hub.server.cluster.model import SERVER_PORT, Cluster, memory_folders
from dataflow_hub.server.environment import CONFIGURATION, home
from dataflow_hub.settings import Lab

NO_RIGHTS: dict[str, Any] = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": True}
NO_ROOT: dict[str, Any] = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
_ACCOUNT = "dataflow-lab.org/"  # the annotations that become files of /etc
_TOUR = "tour"


def traits() -> dict[str, Any]:
    """Give the traits of KubeSpawner for which the chart has no values of its own."""
    return {
        "port": SERVER_PORT,
        "container_security_context": NO_RIGHTS,
        "pod_security_context": NO_ROOT | {"fsGroupChangePolicy": "OnRootMismatch"},
        "automount_service_account_token": False,
        "delete_pvc": False,  # who leaves a course loses access, not work
    }


def memory_volumes(lab: Lab) -> tuple[dict[str, Any], dict[str, Any]]:
    """Give the volumes, and their mounts, of the folders that are memory."""
    volumes, mounts = {}, {}
    for path, mib in memory_folders(lab).items():
        name = path.rpartition("/")[2]
        volumes[name] = {"name": name, "emptyDir": {"medium": "Memory", "sizeLimit": f"{mib}Mi"}}
        mounts[name] = {"name": name, "mountPath": path}
    return volumes, mounts


def own_traits(user: str, uid: int, *, staff: bool) -> dict[str, Any]:
    """Give the traits that differ from student to student: whose files they are, and the configuration of their role."""
    account = {name: text for name, text in account_files(user, uid, home(user)).items() if name != "hosts"}  # Kubernetes writes that one
    return {
        "uid": uid,
        "gid": uid,
        "fs_gid": uid,
        "working_dir": home(user),
        "extra_annotations": {f"{_ACCOUNT}{name}": text for name, text in account.items()},
        "volumes": {
            "account": {"name": "account", "downwardAPI": {"items": [_item(name) for name in account]}},
            "jupyter": {
                "name": "jupyter",
                "configMap": {"name": _jupyter(staff=staff), "items": _paths(profiles.configuration(staff=staff))},
            },
            "tour": {"name": "tour", "configMap": {"name": _TOUR}},
        },
        "volume_mounts": {
            **{name: {"name": "account", "mountPath": f"/etc/{name}", "subPath": name, "readOnly": True} for name in account},
            "jupyter": {"name": "jupyter", "mountPath": CONFIGURATION, "readOnly": True},
            "tour": {"name": "tour", "mountPath": f"{home(user)}/tour", "readOnly": True},
        },
    }


def config_maps(lab: Lab, cluster: Cluster) -> list[dict[str, Any]]:
    """Give what students' pods mount read-only: Jupyter's configuration for each role, and the tour."""
    tour = {path.name: path.read_text(encoding="utf-8") for path in sorted((lab.workspace.root / "notebooks" / "tour").glob("*.ipynb"))}
    contents = {_TOUR: tour} | {_jupyter(staff=staff): profiles.configuration(staff=staff) for staff in (False, True)}
    return [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": name, "namespace": cluster.namespace},
            "data": {_key(path): text for path, text in files.items()},
        }
        for name, files in contents.items()
    ]


def _jupyter(*, staff: bool) -> str:
    return f"jupyter-{'staff' if staff else 'student'}"


def _item(name: str) -> dict[str, Any]:
    return {"path": name, "fieldRef": {"fieldPath": f"metadata.annotations['{_ACCOUNT}{name}']"}}


def _paths(names: Iterable[str]) -> list[dict[str, str]]:
    return [{"key": _key(name), "path": name} for name in names]


def _key(path: str) -> str:
    """Give the key of a file in a ConfigMap, which takes no slash."""
    return path.replace("/", "--")
