"""The Docker engine: the one place that speaks to it, but for the spawner, which has a library of its own for that."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataflow_hub.errors import MissingError, ServiceError
from dataflow_hub.settings import Lab

_BUILD_SECONDS = 3600
_LAST_LINES = 25
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")


LABEL = "org.dataflow-lab.lab"  # whose container it is: the id of its lab
SERVICE = "org.dataflow-lab.service"  # and which service of the catalogue; a student's has none
BOX = "org.dataflow-lab.box"  # and which box of grading


def hub_socket(lab: Lab) -> Path:
    """Give the socket behind which hub and formgrader find the engine, or as much of it as they may use (`containers.api`)."""
    return lab.workspace.run / "docker-api" / "docker.sock"


def connect() -> Any:
    """Give a client of the engine that DOCKER_HOST or the usual socket names.

    Raises
    ------
    MissingError
        None answers.
    """
    import docker

    try:
        return docker.APIClient(version="auto", **docker.utils.kwargs_from_env())
    except docker.errors.DockerException as error:
        raise MissingError(
            "No Docker engine answers.",
            why=str(error),
            fix="Start it (Debian: apt install docker.io), join the group docker, or set DOCKER_HOST. Without Docker: ./lab up",
        ) from error


def connect_or_door(lab: Lab) -> Any:
    """Give a client of the engine or, where this process does not see it, of the door to it (`containers.api`).

    Raises
    ------
    MissingError
        Neither answers.
    """
    import docker

    try:
        return connect()
    except MissingError:
        if not hub_socket(lab).exists():
            raise
    try:
        return docker.APIClient(version="auto", base_url=f"unix://{hub_socket(lab)}")
    except docker.errors.DockerException as error:
        raise MissingError("The door to the Docker engine does not answer.", why=str(error), fix="./lab status docker-api") from error


@dataclass(frozen=True)
class ServiceContainer:
    """One service's container: `state` is the engine's word, `started` is when, in ISO 8601."""

    service: str
    name: str
    state: str
    pid: int
    started: str
    detail: str


class Engine:
    """A Docker engine, as DOCKER_HOST or the usual socket names it.

    Raises
    ------
    MissingError
        None answers.
    """

    def __init__(self) -> None:
        self._client = connect()
        self.version = str(self._client.version()["Version"])

    def has(self, tag: str) -> bool:
        """Tell whether there is an image of this tag."""
        import docker

        try:
            self._client.inspect_image(tag)
        except docker.errors.ImageNotFound:
            return False
        return True

    def size_mib(self, tag: str) -> int:
        """Give the size of an image with all that it stands on."""
        return int(self._client.inspect_image(tag)["Size"]) // 2**20

    def remove_containers(self, lab_id: str) -> int:
        """End and remove every container of one lab; give how many there were."""
        import docker

        found = self._client.containers(all=True, filters={"label": f"{LABEL}={lab_id}"})
        for container in found:
            with contextlib.suppress(docker.errors.NotFound):  # it removed itself meanwhile
                self._client.remove_container(container["Id"], v=True, force=True)
        return len(found)

    def service_containers(self, lab_id: str) -> list[ServiceContainer]:
        """Give the containers of one lab's services, running or not."""
        import docker

        found = []
        for row in self._client.containers(all=True, filters={"label": [f"{LABEL}={lab_id}", SERVICE]}):
            with contextlib.suppress(docker.errors.NotFound):  # gone meanwhile
                found.append(_service_container(self._client.inspect_container(row["Id"])))
        return found

    def logs(self, name: str, *, lines: int, follow: bool = False) -> Iterator[str]:
        """Give the last lines that a container wrote and, when `follow` is set, each that comes."""
        rest = b""
        for part in self._client.logs(name, tail=lines, stream=True, follow=follow):
            *whole, rest = (rest + part).split(b"\n")
            yield from (line.decode(errors="replace").rstrip("\r") for line in whole)
        if rest:
            yield rest.decode(errors="replace")

    def close(self) -> None:
        """Let go of its connection."""
        self._client.close()


def _service_container(found: Mapping[str, Any]) -> ServiceContainer:
    state, labels = found["State"], found["Config"]["Labels"]
    said = state.get("Error") or (f"ended with {state['ExitCode']}" if not state["Running"] else "")
    if found["RestartCount"]:
        said = f"started {found['RestartCount'] + 1} times, {said}".rstrip(", ")
    return ServiceContainer(labels[SERVICE], found["Name"].lstrip("/"), state["Status"], state["Pid"], state["StartedAt"], said)


def build_image(tag: str, context: Path, arguments: Mapping[str, str], secrets: Mapping[str, Path], environ: Mapping[str, str]) -> None:
    """Make an image from a folder and nothing else, by the command line: the library knows no secrets of a build.

    Parameters
    ----------
    secrets
        Files that one step may read and that stay in no layer.

    Raises
    ------
    MissingError
        There is no client that can build.
    ServiceError
        A step failed; with the end of what it said.
    """
    argv = [str(_client(environ)), "build", "--network", "host", "--tag", tag, "--progress", "plain"]
    argv += [word for name in _PROXIES if name in environ for word in ("--build-arg", name)]
    argv += [word for name, value in arguments.items() for word in ("--build-arg", f"{name}={value}")]
    argv += [word for name, path in secrets.items() for word in ("--secret", f"id={name},src={path}")]
    fix = "Mend what it names, then ./lab images build: what was built stays."
    try:
        done = subprocess.run(
            [*argv, str(context)],
            env={**environ, "DOCKER_BUILDKIT": "1"},
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_BUILD_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        why = "A step waits for something, or the network is slow."
        raise ServiceError(f"The image {tag} was not built within {_BUILD_SECONDS // 60} minutes.", why=why, fix=fix) from error
    if done.returncode:
        why = "\n".join((done.stdout + done.stderr).strip().splitlines()[-_LAST_LINES:])
        raise ServiceError(f"The image {tag} could not be built.", why=why, fix=fix)


def _client(environ: Mapping[str, str]) -> Path:
    """Give a docker client that builds with BuildKit: secrets of a build need it.

    New clients want a plugin for that, and a machine may have an old client beside a new one without.
    """
    folders = environ.get("PATH", "").split(":")
    found = [Path(path) for folder in folders if (path := shutil.which("docker", path=folder))]
    for client in found:
        if _knows_buildkit(client):
            return client
    raise MissingError(
        "No docker client here can build images." if found else "There is no docker client on the PATH.",
        why=f"{found[0]} has no buildx plugin." if found else "",
        fix="Install Docker with buildx (Debian: apt install docker.io). Without Docker: ./lab up",
    )


def _knows_buildkit(client: Path) -> bool:
    if subprocess.run([str(client), "buildx", "version"], capture_output=True, check=False).returncode == 0:
        return True
    said = subprocess.run([str(client), "--version"], capture_output=True, text=True, check=False).stdout
    major = said.partition("version ")[2].partition(".")[0]
    return major.isdigit() and int(major) < 23  # noqa: PLR2004 - since then the client has no builder of its own
