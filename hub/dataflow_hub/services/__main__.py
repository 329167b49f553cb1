"""`python -m dataflow_hub.services NAME`: become a service of the catalogue, in a container made for it.

With `--healthy` it asks the running service instead, and ends with 1 when that does not answer.
"""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from dataflow_hub.errors import ServiceError
from dataflow_hub.services.catalogue import find
from dataflow_hub.settings import Lab, load_lab
from dataflow_kernels.environ import process_environment


def become(name: str) -> NoReturn:
    """Become the service called `name`."""
    lab, service = load_lab(), find(name)
    given = _secrets(lab)
    # Secrets come from their files here, so that no container's settings hold them.
    argv, environment = service.command(lab), {**process_environment(), **service.environment(lab)}
    if made := [] if "" in service.container.writes else sorted(_secrets(lab) - given):
        why = "Nobody else would know what it made up for itself."
        raise ServiceError(f"{service.title} was not given {', '.join(made)}.", why=why, fix="Name it among the service's secrets.")
    os.execve(argv[0], argv, environment)  # noqa: S606 - it becomes the service


def _secrets(lab: Lab) -> set[str]:
    return {path.name for path in lab.workspace.secrets.glob("*")}


def ask(name: str) -> str | None:
    """Ask the service called `name` how it is; give what is wrong."""
    health = find(name).health(load_lab())
    return None if health.ok else health.detail or "no answer"


if __name__ == "__main__":
    if sys.argv[1] == "--healthy":
        sys.exit(ask(sys.argv[2]))
    become(sys.argv[1])
