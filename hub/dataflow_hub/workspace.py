"""Where everything is: the checkout and its state folder, named in one place."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Workspace:
    """The folders of one lab.

    `root` is the checkout (only read), `state` all that the lab keeps; `shared_cache` lets several labs of one checkout
    share jars and archives.
    """

    root: Path
    state: Path
    shared_cache: Path | None = None

    @property
    def secrets(self) -> Path:
        """Generated secrets, one file each, 0600."""
        return self.state / "secrets"

    @property
    def run(self) -> Path:
        """Sockets, pid files and rendered configuration of running services."""
        return self.state / "run"

    @property
    def logs(self) -> Path:
        """Log files, rotated by the supervisor."""
        return self.state / "logs"

    @property
    def data(self) -> Path:
        """What services keep: object store volumes, databases."""
        return self.state / "data"

    @property
    def homes(self) -> Path:
        """Students' home folders, one each."""
        return self.state / "homes"

    @property
    def cache(self) -> Path:
        """What can be made again: jars, JVM class-data archives."""
        return self.shared_cache or self.state / "cache"

    @property
    def jars(self) -> Path:
        """The verified jars of `kernels/jars.lock`."""
        return self.cache / "jars"

    @property
    def kafka_jars(self) -> Path:
        """The verified jars of `hub/kafka-jars.lock`, there when Kafka was ever wanted."""
        return self.cache / "kafka-jars"

    @property
    def grading(self) -> Path:
        """One nbgrader course folder a course: source, release, submitted, autograded, feedback, gradebook."""
        return self.state / "courses"

    @property
    def exchange(self) -> Path:
        """The assignment exchange's own store."""
        return self.state / "exchange"

    @property
    def courses(self) -> Path:
        """Lesson sources in the checkout."""
        return self.root / "courses"

    @property
    def kernels(self) -> Path:
        """The student's side of the checkout: the only part a sandbox may see."""
        return self.root / "kernels"

    def prepare(self) -> None:
        """Make the state folders; the private ones are closed to other users."""
        for folder in (self.state, self.homes):
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o711)  # a student's uid passes through to its own home and lists nothing
        for folder in (self.secrets, self.run, self.logs, self.data, self.grading, self.exchange):
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o700)
        self.cache.mkdir(parents=True, exist_ok=True)
        self.cache.chmod(0o755)


def installed_program(name: str) -> Path | None:
    """Give a program that a wheel brought along, else one on the PATH, or None."""
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name)
    return Path(found) if found else None


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner reads, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
