"""Which images were built: the tags that `./lab images build` left in the state folder."""

from __future__ import annotations

import json
from collections.abc import Mapping

from dataflow_hub.errors import MissingError
from dataflow_hub.workspace import Workspace, write_private

PYTHON = "/opt/lab/bin/python"  # of every image
STUDENTS = ("notebook", "spark", "lessons")  # those that a student's server may be made of
BOXES = ("lessons", "hub")  # and those that a submission is run and judged in: students' own, and what only the lab has
_FILE = "images/tags.json"  # a folder, so that a container that mounts it sees what is built later


def keep(workspace: Workspace, new: Mapping[str, str]) -> None:
    """Write down the tag of each image that was built, beside those of other images."""
    write_private(workspace.state / _FILE, json.dumps(tags(workspace) | dict(new), indent=1))


def image(workspace: Workspace, name: str) -> str:
    """Give the tag of the image called `name`.

    Raises
    ------
    MissingError
        It was never built here.
    """
    found = tags(workspace)
    if name not in found:
        raise MissingError(f"The image {name} was not built yet.", why="Students' containers are made of it.", fix="./lab images build")
    return found[name]


def tags(workspace: Workspace) -> dict[str, str]:
    """Give the tag of each image that was built, by the image's name."""
    try:
        return dict(json.loads((workspace.state / _FILE).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return {}
