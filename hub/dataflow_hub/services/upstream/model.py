"""What an upstream service is: data out of which a container of somebody else's image is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Port:
    """A port that the service listens on, on loopback: the variable that moves it, and where it is when nobody does."""

    variable: str
    default: int

    def __str__(self) -> str:
        """Give it as Compose writes it."""
        return f"${{{self.variable}:-{self.default}}}"


Ports = Mapping[str, int]  # by variable: those that are in force


@dataclass(frozen=True)
class Upstream:
    """One service of somebody else's image.

    `folder` names what it shares with others of its product: configuration in `run/upstream/`, mounted read-only at `config`, and
    `data/`, mounted at `data`. `volumes` are Docker's own, for images that bring their first content. `reads` are folders of the
    state folder. `secrets` are made by the lab, `given` ones are written by a person; each is a file in `/run/secrets`. `owner` is
    the uid of an image that can run as no other. `page` answers 200 to everybody when the service is well.
    """

    name: str
    group: str
    title: str
    image: str
    memory_mib: int
    health: tuple[str, ...]
    ports: tuple[Port, ...] = ()
    page: str = ""
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: str = ""
    config: str = ""
    data: str = ""
    volumes: Mapping[str, str] = field(default_factory=dict)
    reads: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    given: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = ()
    owner: int | None = None
    group_id: int | None = None
    read_only: bool = True

    @property
    def product(self) -> str:
        """The name of its folders."""
        return self.folder or self.name
