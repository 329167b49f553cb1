"""What the hub in Kubernetes is set up with beside the chart's values: who may log in, the pages, and the spawner."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataflow_hub.server import auth, front, pages

if TYPE_CHECKING:
    from traitlets.config import Config

    from dataflow_hub.settings import Lab


def configure(c: Config, lab: Lab) -> None:
    """Set what the chart cannot know; what it set itself (proxy, addresses, database, services, roles) stays."""
    from dataflow_hub.server.cluster.kubernetes_spawner import KubernetesSpawner

    lab.workspace.prepare()
    auth.configure(c, lab)
    pages.configure(c, lab)
    c.JupyterHub.tornado_settings = front.tornado_settings(lab)
    c.JupyterHub.spawner_class = KubernetesSpawner
    c.Provisioning.lab = lab
