"""Students' servers in Docker containers that have no network: all they can reach are the gate's sockets."""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import docker
from dockerspawner import DockerSpawner

from dataflow_hub.containers import gate
from dataflow_hub.containers.built import PYTHON, image
from dataflow_hub.containers.engine import LABEL, hub_socket
from dataflow_hub.errors import SandboxError, ServiceError
from dataflow_hub.roster import open_roster
from dataflow_hub.sandbox.box import HOST
from dataflow_hub.sandbox.container import FILTER, binds, host_config, identity_files
from dataflow_hub.sandbox.ownership import give_away
from dataflow_hub.secrets import lab_id
from dataflow_hub.server import profiles
from dataflow_hub.server.environment import home
from dataflow_hub.server.provisioning import ImageProvisioning
from dataflow_hub.server.spawn_profiles import Choosable
from dataflow_hub.server.spawner import PROGRAM

if TYPE_CHECKING:
    from dataflow_kernels.environ import LabEnv

_SERVICES, _DOOR = "/run/lab/services", "/run/lab/door"
_PORT = 8888
_SHARED_FOLDER_MODE = 0o777  # the student's uid writes its socket here, the lab's reads it; the folder above lets nobody else in


class ContainerSpawner(Choosable, ImageProvisioning, DockerSpawner):  # type: ignore[misc]
    """Starts one student's server in a container of its own, made anew each time, which outlives the hub."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.remove = True
        self.pull_policy = "never"
        self.network_name = "none"
        self.client_kwargs = {"base_url": f"unix://{hub_socket(self.lab)}"}  # never the engine itself
        self._lab_id = lab_id(self.lab)
        self.name_template = f"dataflow-{self._lab_id[:8]}-{{username}}"

    async def launch(self, kernel: LabEnv) -> str:
        """Open the student's door, make the container, start it; give the address of the door."""
        user = self.user.name
        self.ip, self.port = "127.0.0.1", _PORT
        self.kernel, self.image = kernel, image(self.lab.workspace, self.profile.image)
        await asyncio.to_thread(self._prepare_folders)
        door = await asyncio.to_thread(gate.ask, self._gate, {"open": user})
        await DockerSpawner.start(self)
        return f"http://127.0.0.1:{door}"

    async def stop(self, now: bool = False) -> None:
        """End and remove the container, and close its door; a server that fills the disk is not asked to end."""
        if self.fills_the_disk:
            await self.end_now()
        await DockerSpawner.stop(self, now)
        with contextlib.suppress(ServiceError):  # a gate that is down has no open door
            await asyncio.to_thread(gate.ask, self._gate, {"close": self.user.name})

    async def end_now(self) -> None:
        """Kill all that runs in the container, at once."""
        with contextlib.suppress(docker.errors.APIError):  # it has ended
            await self.docker("kill", self.container_id)

    async def get_ip_and_port(self) -> tuple[str, int]:
        """Give nothing that counts: a container without a network has no address, and `launch` knows the door."""
        return self.ip, self.port

    async def get_command(self) -> list[str]:
        """Give the argv: the relay to the gate's sockets, around the server."""
        relay = ["--filter", FILTER, "--services", _SERVICES, "--door", f"{_DOOR}/{gate.DOOR}", "--port", str(_PORT)]
        return [PYTHON, "-m", "dataflow_kernels.relay", *relay, PYTHON, "-c", PROGRAM, *self.get_args()]

    async def create_object(self) -> Any:
        """Create the container, with all that the student must not have taken away."""
        user, uid = self.user.name, self._uid()
        mounts = binds(self._read_only(uid), [(self._home(), home(user)), (self._door(), _DOOR)])
        labels = {LABEL: self._lab_id}
        self.extra_create_kwargs = {"user": f"{uid}:{uid}", "hostname": HOST, "working_dir": home(user), "labels": labels}
        self.extra_host_config = {**host_config(self.profile.limits(self.lab.settings.sandbox)), "binds": mounts}
        return await DockerSpawner.create_object(self)

    @property
    def _gate(self) -> Path:
        return Path(self.lab.workspace.run / "gate")

    def _home(self) -> Path:
        return Path(self.lab.workspace.homes / self.user.name)

    def _door(self) -> Path:
        return Path(self._gate / "doors" / self.user.name)

    def _read_only(self, uid: int) -> list[tuple[Path, str]]:
        user = self.user.name
        files = identity_files(self._gate / "files" / user, user, uid, home(user))
        return [*profiles.mounts(self.lab, user), (self._gate / "services", _SERVICES), *files]

    def _uid(self) -> int:
        """Give the student's own uid where the lab may give files away, and the lab's own where it is no root either."""
        return int(open_roster(self.lab).uid(self.user.name)) if os.geteuid() == 0 else os.geteuid()

    def _prepare_folders(self) -> None:
        self._door().mkdir(parents=True, exist_ok=True)
        self._door().chmod(_SHARED_FOLDER_MODE)
        self._home().mkdir(mode=0o700, exist_ok=True)
        try:
            give_away(self._home(), self._uid())
        except PermissionError as error:
            fix = "Start the lab as root: sudo ./lab up"
            raise SandboxError(
                f"{self._home()} cannot be made the student's own.", why="Only root may give files away.", fix=fix
            ) from error
