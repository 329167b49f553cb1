"""Two students of the running lab, with servers, kernels and everything else of their own."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import pytest

from dataflow_hub.settings import Lab


@dataclass
class ClassOfTwo:
    """The running lab, a way to ask its hub, and a kernel of each student."""

    lab: Lab
    rig: Any
    nina: Any
    otto: Any


@pytest.fixture(scope="session")
def class_of_two(running_lab: Lab) -> ClassOfTwo:
    from tests.integration.server_hub import HubRig

    from dataflow_hub.operations import roster

    rig = HubRig(running_lab, dict(os.environ))
    kernels = {}
    for user in ("nina", "otto"):
        roster.add(running_lab, "medallion", user, user.title(), "student", "en")
        rig.spawn(user)
        kernels[user] = rig.kernel(user, "lakehouse")
    return ClassOfTwo(running_lab, rig, **kernels)
