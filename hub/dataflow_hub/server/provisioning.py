"""What every spawner of the lab does before a student's server starts, and shows on the page while one waits."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from traitlets import Any as AnyTrait
from traitlets.config import LoggingConfigurable

from dataflow_hub.errors import LabError
from dataflow_hub.server import accounts, home_size
from dataflow_hub.server.environment import container_environment
from dataflow_hub.server.texts import Texts

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from dataflow_kernels.environ import LabEnv


class Provisioning(LoggingConfigurable):  # type: ignore[misc]
    """A spawner's base before JupyterHub's own: provisions each service, reports each stage, and starts the server through `launch`."""

    lab = AnyTrait(help="The lab, as `dataflow_hub.settings.Lab`.", config=True)
    services = AnyTrait(help="What provisioning calls; the lab's real services when None.", config=True)

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._events: list[str] = []
        self._watching: asyncio.Task[None] | None = None

    async def start(self) -> str:
        """Provision, start the server; give its address."""
        self._events = []
        try:
            kernel = await asyncio.to_thread(accounts.provision, self.lab, self.user.name, self._report, services=self.services)
            if large := await asyncio.to_thread(home_size.measure, self.lab, self.user.name):
                self._report(large)
            self._report(Texts(kernel.language)("spawn_sandbox"))
            address = await self.launch(kernel)
        except LabError as error:
            self._report(str(error))
            vars(error)["jupyterhub_message"] = f"{error.what} {error.why} {error.fix}"  # what JupyterHub shows on the page
            raise
        self._watching = asyncio.create_task(self._end_while_starting())
        return address

    async def launch(self, kernel: LabEnv) -> str:
        """Start the server, whose kernels get `kernel`; give its address."""
        raise NotImplementedError

    async def end_now(self) -> None:
        """Kill all that runs in the server, as fast as this spawner can."""
        await self.stop(now=True)

    @property
    def fills_the_disk(self) -> bool:
        """Whether the guard stops the server for what its home holds: it would go on writing while one waits."""
        return home_size.was_stopped(self.lab, self.user.name)

    async def _end_while_starting(self) -> None:
        """End a server that fills the disk before it answers: the hub stops none that it still waits for."""
        while self.pending == "spawn":
            if self.fills_the_disk:
                await self.end_now()
                return
            await asyncio.sleep(1)

    async def progress(self) -> AsyncGenerator[dict[str, Any], None]:
        """Give each stage as it is reached, for the waiting page."""
        shown = 0
        while True:
            while shown < len(self._events):
                shown += 1
                yield {"progress": min(90, 20 * shown), "message": self._events[shown - 1]}
            if self.pending != "spawn" and shown >= len(self._events):
                return
            await asyncio.sleep(0.2)

    def _report(self, line: str) -> None:
        self._events.append(line)


class ImageProvisioning(Provisioning):
    """The same for a server that is made of an image: `launch` keeps the `kernel` that it is given, or one made of it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.kernel: LabEnv | None = None

    def get_env(self) -> dict[str, str]:
        """Give all variables of the server but those that the image brings."""
        env = dict(super().get_env())
        return container_environment(self.lab, self.user.name, env, self.kernel) if self.kernel else env
