"""Students' servers as pods: KubeSpawner, with the lab's credentials and each student's own uid. Wants jupyterhub-kubespawner."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from kubespawner import KubeSpawner

from dataflow_hub.roster import open_roster
from dataflow_hub.server import profiles
from dataflow_hub.server.cluster import pods
from dataflow_hub.server.cluster.model import exchange_url
from dataflow_hub.server.provisioning import ImageProvisioning

if TYPE_CHECKING:
    from dataflow_kernels.environ import LabEnv


class KubernetesSpawner(ImageProvisioning, KubeSpawner):  # type: ignore[misc]
    """Starts one student's server in a pod; what all pods have in common comes from the chart's values."""

    async def launch(self, kernel: LabEnv) -> str:
        """Make the home and the pod, wait until it runs; give its address."""
        self.prepare(kernel)
        return str(await KubeSpawner.start(self))

    def prepare(self, kernel: LabEnv) -> None:
        """Set what is this student's own."""
        user = self.user.name
        self.kernel = dataclasses.replace(kernel, exchange_url=exchange_url(self.lab))
        own = pods.own_traits(user, open_roster(self.lab).uid(user), staff=profiles.is_staff(self.lab, user))
        for name, value in own.items():
            common = getattr(self, name)
            setattr(self, name, {**common, **value} if isinstance(value, dict) else value)
