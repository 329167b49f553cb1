"""Students' servers as services of a Docker swarm. Homes and configuration lie on a disk that every machine mounts at one path."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dockerspawner
from docker.types import DriverConfig, Mount
from dockerspawner import DockerSpawner
from traitlets import Dict

from dataflow_hub.containers.built import PYTHON
from dataflow_hub.containers.engine import LABEL, hub_socket
from dataflow_hub.roster import open_roster
from dataflow_hub.sandbox.box import HOST
from dataflow_hub.sandbox.container import identity_files
from dataflow_hub.sandbox.ownership import give_away
from dataflow_hub.secrets import lab_id
from dataflow_hub.server import profiles
from dataflow_hub.server.cluster.model import exchange_url
from dataflow_hub.server.environment import home
from dataflow_hub.server.provisioning import ImageProvisioning
from dataflow_hub.server.spawner import PROGRAM

if TYPE_CHECKING:
    from dataflow_kernels.environ import LabEnv


class SwarmSpawner(ImageProvisioning, dockerspawner.SwarmSpawner):  # type: ignore[misc]
    """Starts one student's server as a service of one task; what all have in common is in the rendered configuration."""

    extra_container_spec: dict[str, Any]
    memory_folders = Dict(help="Folders that are memory, with the MiB of each.", config=True)

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.client_kwargs = {"base_url": f"unix://{hub_socket(self.lab)}"}  # never the engine itself

    async def launch(self, kernel: LabEnv) -> str:
        """Make the home, make the service, wait until it runs; give its address."""
        await asyncio.to_thread(self.prepare, kernel)
        ip, port = await DockerSpawner.start(self)
        return f"http://{ip}:{port}"

    def prepare(self, kernel: LabEnv) -> None:
        """Make the home and set what is this student's own."""
        user, uid = self.user.name, open_roster(self.lab).uid(self.user.name)
        self.kernel = dataclasses.replace(kernel, exchange_url=exchange_url(self.lab))
        own_home = self.lab.workspace.homes / user
        own_home.mkdir(mode=0o700, exist_ok=True)
        give_away(own_home, uid)
        self.read_only_volumes = {str(source): target for source, target in (*profiles.mounts(self.lab, user), *self._account(uid))}
        self.volumes = {str(own_home): home(user)}
        own = {"user": f"{uid}:{uid}", "workdir": home(user), "hostname": HOST, "labels": {LABEL: lab_id(self.lab)}}
        self.extra_container_spec = {**self.extra_container_spec, **own}

    async def get_command(self) -> list[str]:
        """Give the argv of the server."""
        return [PYTHON, "-c", PROGRAM, *self.get_args()]

    @property
    def mounts(self) -> list[Mount]:
        """Give the student's folders, and those that are memory: JVMs load native code out of /tmp, which Swarm's own tmpfs forbids."""
        options = {"type": "tmpfs", "device": "tmpfs"}
        return [
            *super().mounts,
            *(
                Mount(
                    path, None, driver_config=DriverConfig("local", {**options, "o": f"size={mib}m,mode=1777,nosuid,nodev"}), no_copy=True
                )
                for path, mib in self.memory_folders.items()
            ),
        ]

    def _account(self, uid: int) -> list[tuple[Path, str]]:
        """Give the files that tell a program who it is; `hosts` is Swarm's, and the filter is for a relay, which is not here."""
        user = self.user.name
        files = identity_files(self.lab.workspace.cache / "accounts" / user, user, uid, home(user))
        return [(path, target) for path, target in files if target in {"/etc/passwd", "/etc/group"}]
