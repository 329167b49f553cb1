"""Two students of the running lab, with servers, kernels and everything else of their own."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
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
    from dataflow_hub.operations import roster

    spec = spec_from_file_location("server_hub", Path(__file__).parent / "integration" / "server_hub.py")
    assert spec is not None
    assert spec.loader is not None
    server_hub = module_from_spec(spec)
    sys.modules.setdefault("server_hub", server_hub)
    spec.loader.exec_module(server_hub)
    rig = server_hub.HubRig(running_lab, dict(os.environ))
    kernels = {}
    for user in ("nina", "otto"):
        roster.add(running_lab, "medallion", user, user.title(), "student", "en")
        rig.spawn(user)
        kernels[user] = rig.kernel(user, "lakehouse")
    return ClassOfTwo(running_lab, rig, **kernels)
