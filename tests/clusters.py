"""A lab that could grow: what the tests of the way to a cluster render from."""

from __future__ import annotations

from pathlib import Path

from dataflow_hub.server.cluster.model import Cluster
from dataflow_hub.settings import Lab, load_lab

BUILT = {name: f"dataflow-lab/{name}:0123456789ab" for name in ("notebook", "lessons", "hub")}
CLUSTER = Cluster("registry.example", BUILT, students=300, at_once=100)
TLS = {"DATAFLOW__TLS__CERTIFICATE": "/srv/lab.pem", "DATAFLOW__TLS__KEY": "/srv/lab.key"}
ADDRESS = {"DATAFLOW__HUB__PUBLIC_URL": "https://lab.school.example"}


def make_lab(folder: Path, **environ: str) -> Lab:
    """Give a lab with an address and a certificate, and with what else the settings say."""
    lab = load_lab(state=folder / "state", environ={**TLS, **ADDRESS, **environ})
    lab.workspace.prepare()
    return lab
