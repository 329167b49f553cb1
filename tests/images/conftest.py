"""Commands in a container of an image, under the very limits of a student's server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dataflow_hub.sandbox.box import server_limits
from dataflow_hub.sandbox.container import host_config
from dataflow_hub.settings import load_lab

UID = 1000  # the image's own user, who has a name in it; a student's server brings a name for its uid along
Run = Callable[..., str]


@pytest.fixture(scope="session")
def engine(images: dict[str, str]) -> Any:
    """Give a client of the engine that has the images."""
    import docker

    client = docker.from_env()
    yield client
    client.close()


@pytest.fixture
def run(engine: Any, images: dict[str, str]) -> Run:
    """Give a way to run a command in an image as a student would be run; it gives what the command printed."""

    def run_in(image: str, *command: str) -> str:
        limits = host_config(server_limits(load_lab(environ={}).settings.sandbox))
        api = engine.api
        container = api.create_container(
            images[image],
            list(command),
            user=f"{UID}:{UID}",
            hostname="localhost",
            environment={"HOME": "/tmp"},
            host_config=api.create_host_config(**limits),
        )["Id"]
        try:
            api.start(container)
            status = api.wait(container)["StatusCode"]
            printed = api.logs(container).decode()
        finally:
            api.remove_container(container, force=True)
        assert status == 0, printed
        return str(printed)

    return run_in
