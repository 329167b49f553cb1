"""Students' servers: JupyterLab in a sandbox, outliving the hub, found again by it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyterhub.spawner import Spawner
from jupyterhub.utils import random_port

from dataflow_hub import sandbox
from dataflow_hub.roster import open_roster
from dataflow_hub.sandbox import Box
from dataflow_hub.secrets import lab_id
from dataflow_hub.server import profiles
from dataflow_hub.server.environment import home, server_environment
from dataflow_hub.server.provisioning import Provisioning
from dataflow_hub.server.spawn_profiles import Choosable
from dataflow_hub.workspace import write_private

if TYPE_CHECKING:
    from traitlets.config import Config

    from dataflow_hub.settings import Lab
    from dataflow_kernels.environ import LabEnv

_GRACE_SECONDS = 8.0
# jsonschema builds a grammar of IRIs when it finds rfc3987_syntax: two seconds of each start, for a check that Jupyter never asks for
PROGRAM = "import sys; sys.modules['rfc3987_syntax'] = None; from jupyterhub.singleuser import main; sys.exit(main())"
START_SECONDS = 240  # thirty at once on two processors


class LabSpawner(Choosable, Provisioning, Spawner):  # type: ignore[misc]
    """Starts one student's server in a box of its own. The box is kept by a process that does not end with the hub."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._process: sandbox.Process | None = None
        self._pid, self._started = 0, 0

    # -- what the hub calls ------------------------------------------------------

    async def launch(self, kernel: LabEnv) -> str:
        """Make the box, start the server; give its address."""
        self.ip, self.port = "127.0.0.1", random_port()
        variables = server_environment(self.lab, self.user.name, self.get_env(), kernel)
        await asyncio.to_thread(self._launch, variables, kernel)
        return f"http://127.0.0.1:{self.port}"

    async def poll(self) -> int | None:
        """Give None while the server runs."""
        if self._process is not None:
            return self._process.poll()
        return None if self._pid and _start_time(self._pid) == self._started else 0

    async def stop(self, now: bool = False) -> None:
        """Ask the server to end, then see that all of its tree has; one that fills the disk is not asked."""
        if await self.poll() is not None:
            return
        if self.fills_the_disk:
            await self.end_now()
        else:
            os.kill(self._pid, signal.SIGTERM)
        deadline = 1.0 if now else _GRACE_SECONDS + 4.0
        while deadline > 0 and await self.poll() is None:
            await asyncio.sleep(0.1)
            deadline -= 0.1
        await self.end_now()

    async def end_now(self) -> None:
        """Kill all that runs in the server, at once."""
        if await self.poll() is None:
            os.kill(self._pid, signal.SIGKILL)  # its tree goes with it

    def get_state(self) -> dict[str, Any]:
        """Give what a new hub needs to find the server again: a pid alone might be another's by then."""
        return {**super().get_state(), **({"pid": self._pid, "started": self._started} if self._pid else {})}

    def load_state(self, state: dict[str, Any]) -> None:
        """Take it back."""
        super().load_state(state)
        self._pid, self._started = state.get("pid", 0), state.get("started", 0)

    def clear_state(self) -> None:
        """Forget the server."""
        super().clear_state()
        self._process, self._pid, self._started = None, 0, 0

    # -- the box -------------------------------------------------------------------

    def box(self, variables: dict[str, str], kernel: LabEnv) -> Box:
        """Give the box of this student's server."""
        user, workspace = self.user.name, self.lab.workspace
        return Box(
            name=f"server-{user}",
            environment=variables,
            limits=self.profile.limits(self.lab.settings.sandbox),
            read_only=(*sandbox.runtime_mounts(workspace, kernel.java_home), *profiles.mounts(self.lab, user)),
            writable=((self._home(), home(user)),),
            network=True,
            uid=open_roster(self.lab).uid(user),
            working_directory=home(user),
            user_name=user,
        )

    def _launch(self, variables: dict[str, str], kernel: LabEnv) -> None:
        self._end_leftover()
        argv = [sys.executable, "-c", PROGRAM, *self.get_args()]
        with self._log_file().open("wb") as log:
            self._process = sandbox.start(
                self.box(variables, kernel),
                argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                outlives_caller=True,
                grace_seconds=_GRACE_SECONDS,
                lab_id=lab_id(self.lab),
            )
        self._pid, self._started = self._process.pid, _start_time(self._process.pid)
        write_private(self._pid_file(), f"{self._pid} {self._started}\n")

    def _end_leftover(self) -> None:
        """End a server that a hub started and did not live to write down: a student has one, never two."""
        try:
            pid, started = (int(word) for word in self._pid_file().read_text(encoding="ascii").split())
        except (FileNotFoundError, ValueError):
            return
        while started and _start_time(pid) == started:
            os.kill(pid, signal.SIGKILL)  # its tree goes with it
            time.sleep(0.05)

    def _pid_file(self) -> Path:
        return Path(self.lab.workspace.run / "servers" / self.user.name)

    def _home(self) -> Path:
        folder = self.lab.workspace.homes / self.user.name
        folder.mkdir(mode=0o700, exist_ok=True)
        return Path(folder)

    def _log_file(self) -> Path:
        folder = self.lab.workspace.logs / "servers"
        folder.mkdir(mode=0o700, exist_ok=True)
        return Path(folder / f"{self.user.name}.log")


def configure(c: Config, lab: Lab) -> None:
    """Set the spawner and its limits in time."""
    if lab.settings.sandbox.kind == "docker":
        from dataflow_hub.server.container_spawner import ContainerSpawner

        c.JupyterHub.spawner_class = ContainerSpawner
    else:
        c.JupyterHub.spawner_class = LabSpawner
    c.Provisioning.lab = lab
    c.Spawner.default_url = "/lab"
    c.Spawner.start_timeout = START_SECONDS
    c.Spawner.http_timeout = START_SECONDS
    c.Spawner.poll_interval = 15


def _start_time(pid: int) -> int:
    """Give when a process started, in clock ticks since the machine did; 0 when there is none, or only its remains."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return 0
    return 0 if fields[0] == "Z" else int(fields[19])
