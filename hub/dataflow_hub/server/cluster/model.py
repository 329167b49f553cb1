"""What of a cluster the lab's settings do not say, what students reach in it, and how much of their servers' sizes it keeps free."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any

from dataflow_hub.containers import gate
from dataflow_hub.errors import SettingsError
from dataflow_hub.sandbox.box import SHM_MIB, temporary_mib
from dataflow_hub.server.spawn_profiles import Profile
from dataflow_hub.services.catalogue import CATALOGUE
from dataflow_hub.settings import Lab, Sandbox

STATE = "/srv/dataflow/state"  # the lab's state folder, as the hub's containers see it
CHECKOUT = "/opt/dataflow/checkout"  # the lab's code: in a cluster there is no checkout to mount
SERVER_PORT = 8888
# Of what a server may take, the part that its node keeps free for it. The limit holds each; these say how many share a node.
MEMORY_KEPT, CORES_KEPT = 0.5, 0.25


@dataclass(frozen=True)
class Cluster:
    """One cluster: the images as they were built, and the registry that they are pushed to; how many students, how many at once."""

    registry: str
    built: Mapping[str, str]
    students: int
    at_once: int
    namespace: str = "dataflow"

    def image(self, name: str) -> str:
        """Give an image as the cluster pulls it."""
        return f"{self.registry.rstrip('/')}/{self.built[name]}"

    @property
    def hub_image(self) -> str:
        """The hub's image with the lab's code inside, made from the lab's own (`render.dockerfile`)."""
        return self.image("hub").replace("/hub:", "/hub-with-code:")


@dataclass(frozen=True)
class Reach:
    """A service that students' servers may reach: the setting of its port, its name in the catalogue, the port."""

    setting: str
    service: str
    port: int


def students_reach(lab: Lab) -> list[Reach]:
    """Give what students' servers reach: the gate's own list, which holds for containers on one machine too."""
    owners = {setting: service.name for service in CATALOGUE for setting in service.ports}
    return [Reach(setting, owners[setting], getattr(lab.settings.ports, setting)) for setting in gate.SERVICES]


def exchange_url(lab: Lab) -> str:
    """Give the address of the exchange in a cluster, where loopback is each server's own."""
    return f"http://exchange:{lab.settings.ports.exchange}/services/exchange/"


def sizes(profile: Profile, sandbox: Sandbox) -> dict[str, Any]:
    """Give a profile's limits, and what is kept free for it, in the spawners' own words."""
    limits = profile.limits(sandbox)
    return {
        "mem_limit": f"{limits.memory_mib}M",  # to JupyterHub, M is 1024 times 1024
        "mem_guarantee": f"{ceil(limits.memory_mib * MEMORY_KEPT)}M",
        "cpu_limit": limits.cpu_cores,
        "cpu_guarantee": round(limits.cpu_cores * CORES_KEPT, 3),
    }


def memory_folders(lab: Lab) -> dict[str, int]:
    """Give the folders that a read-only root leaves a server to write to, with the MiB of each; they count as its memory."""
    return {"/tmp": temporary_mib(lab.settings.sandbox.memory_mib), "/dev/shm": SHM_MIB}  # noqa: S108 - the server's own


def require_tls(lab: Lab) -> None:
    """Refuse a lab whose people would not come in by TLS.

    Raises
    ------
    SettingsError
        `hub.public_url` says nothing, or http.
    """
    if not lab.public_url.startswith("https://"):
        raise SettingsError(
            f"A cluster's front door cannot be {lab.public_url}.",
            why="Nothing of the lab listens beyond loopback without TLS.",
            fix='Set hub.public_url = "https://…" to the address that people will type.',
        )
