"""Which kind of box a submission is run and judged in: bubblewrap's, or a container where students' servers are containers too."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING

from dataflow_hub import sandbox
from dataflow_hub.containers.built import BOXES, PYTHON, image
from dataflow_hub.containers.engine import BOX, LABEL, connect_or_door
from dataflow_hub.sandbox import container
from dataflow_hub.secrets import lab_id

if TYPE_CHECKING:
    from dataflow_hub.containers.attached import Attached
    from dataflow_hub.sandbox import Box, Process
    from dataflow_hub.settings import Lab

_IMAGES = dict(zip(("dataflow_kernels", "dataflow_hub"), BOXES, strict=True))


def start(lab: Lab, box: Box, module: str, *words: str, seconds: float, stderr: IO[bytes] | None = None) -> Process | Attached:
    """Start a module of the lab's own in `box`, whose mounts need not hold Python or the kernels' code.

    Parameters
    ----------
    seconds
        After these a container ends even when nobody is left to end it; bubblewrap's box always ends with us.

    Raises
    ------
    LabError
        No sandbox can be made here.
    """
    if lab.settings.sandbox.kind == "docker":
        return _start_container(lab, box, module, *words, seconds=seconds, stderr=stderr)
    java_home = box.environment.get(container.JAVA_HOME)
    whole = replace(box, read_only=(*sandbox.runtime_mounts(lab.workspace, java_home), *box.read_only))
    return sandbox.start(whole, [sys.executable, "-m", module, *words], stderr=stderr)


def _start_container(lab: Lab, box: Box, module: str, *words: str, seconds: float, stderr: IO[bytes] | None) -> Attached:
    kernels, own = lab.workspace.kernels, lab_id(lab)
    inside = replace(
        box,
        # A box's uid is its own for as long as it lives (`unique_user`), so a container of that name is one that was left behind.
        name=f"dataflow-{own[:8]}-box-{box.uid}",
        environment={name: value for name, value in box.environment.items() if name not in container.OF_THE_IMAGE},
        read_only=((kernels, str(kernels)), *box.read_only),
    )
    return container.start(
        connect_or_door(lab),
        inside,
        ["/usr/bin/timeout", "--signal=KILL", str(int(seconds)), PYTHON, "-m", module, *words],
        image=image(lab.workspace, _IMAGES[module.partition(".")[0]]),
        labels={LABEL: own, BOX: box.name},
        folder=Path(lab.workspace.run / "grading-users" / f"{box.uid}.files"),
        stderr=stderr,
    )
