"""Two students of the running lab, with servers, kernels and everything else of their own; and two of a lab of containers."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from dataflow_hub.settings import Lab, load_lab


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Give the tags of the images of students' containers, built from the Debian that DATAFLOW_TEST_BASE_IMAGE names.

    A machine without Docker skips what needs it; CI has one, and fails.
    """
    from dataflow_hub.errors import MissingError
    from dataflow_hub.operations import images as operations

    base = os.environ.get("DATAFLOW_TEST_BASE_IMAGE", "debian:bookworm-slim")
    lab = load_lab(state=tmp_path_factory.mktemp("images"), environ=dict(os.environ) | {"DATAFLOW_CACHE": str(load_lab().workspace.cache)})
    try:
        rows = operations.build(lab, lambda line: sys.stderr.write(f"{line}\n"), base_image=base)
    except MissingError as error:
        if os.environ.get("DATAFLOW_CI"):
            raise
        pytest.skip(str(error))
    return {row.name: row.tag for row in rows}


@dataclass
class ClassOfTwo:
    """The running lab, a way to ask its hub, and a kernel of each student."""

    lab: Lab
    rig: Any
    nina: Any
    otto: Any


@pytest.fixture(scope="session")
def class_of_two(running_lab: Lab) -> ClassOfTwo:
    return ClassOfTwo(running_lab, **enrol_two(running_lab))


def enrol_two(lab: Lab) -> dict[str, Any]:
    """Enrol Nina and Otto, start their servers, and give a kernel of each, with the rig that drives them."""
    from tests.integration.server_hub import HubRig

    from dataflow_hub.operations import roster

    rig = HubRig(lab, dict(os.environ))
    kernels = {}
    for user in ("nina", "otto"):
        roster.add(lab, "medallion", user, user.title(), "student", "en")
        rig.spawn(user)
        kernels[user] = rig.kernel(user, "lakehouse")
    return {"rig": rig, **kernels}


@pytest.fixture(scope="session")
def class_in_containers(images: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClassOfTwo]:
    """Give a class like `class_of_two`, in a lab that is all containers; `tests/scheduling.py` keeps those who use it together."""
    from tests.integration import services_lab

    from dataflow_hub.operations import lab as operations
    from dataflow_hub.workspace import CHECKOUT

    cache = os.environ.get("DATAFLOW_CACHE", str(CHECKOUT / ".dataflow" / "cache"))
    lab = services_lab.make_lab(tmp_path_factory.mktemp("lab"), images, DATAFLOW_CACHE=cache)
    try:
        operations.start_services(lab, lambda _line: None, ())
        yield ClassOfTwo(lab, **enrol_two(lab))
    finally:
        operations.down(lab, lambda _line: None)
