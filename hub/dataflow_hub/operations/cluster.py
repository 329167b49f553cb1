"""The way to a cluster: files for Kubernetes or Swarm, made from the lab's own settings, catalogue and images."""

from __future__ import annotations

from pathlib import Path

from dataflow_hub.containers import built
from dataflow_hub.errors import SettingsError
from dataflow_hub.server.cluster.model import Cluster
from dataflow_hub.server.cluster.render import RENDERERS
from dataflow_hub.settings import Lab

_IMAGES = ("notebook", "lessons", "hub")


def render(  # noqa: PLR0913 - what a cluster is
    lab: Lab, kind: str, to: Path, *, registry: str, students: int, at_once: int, namespace: str = "dataflow"
) -> list[Path]:
    """Write the files of one orchestrator into a folder; give them.

    Parameters
    ----------
    registry
        Where the images will be pushed: it stands before each name.
    students, at_once
        How many there are, and how many of their servers run at the same time.
    namespace
        A second lab of a cluster needs another.

    Raises
    ------
    LabError
        There is no such orchestrator, an image was not built, or something that the lab is set to cannot be had there.
    """
    if kind not in RENDERERS:
        raise SettingsError(f"There is no orchestrator {kind}.", fix=f"One of: {', '.join(RENDERERS)}.")
    images = {name: built.image(lab.workspace, name) for name in _IMAGES}
    files = RENDERERS[kind](lab, Cluster(registry, images, students, at_once, namespace))
    for name, text in files.items():
        path = to / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return [to / name for name in files]
