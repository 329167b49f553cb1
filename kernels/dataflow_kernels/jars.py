"""The locked jars: downloaded by the Ivy inside the pyspark wheel, verified, and put in place whole or not at all."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from xml.sax.saxutils import quoteattr

from dataflow_kernels.environ import process_environment
from dataflow_kernels.errors import InstallFailed
from dataflow_kernels.java import Java, find_java
from dataflow_kernels.maven import Repository, find_repository, proxy_options
from dataflow_kernels.trust import truststore_options

Report = Callable[[str], None]
_LINE = re.compile(r"^([\w.-]+):([\w.-]+):([\w.-]+)\s+([0-9a-f]{64})\s+([\w.-]+\.jar)$")
_DOWNLOAD_TIMEOUT_SECONDS = 900
_STAMP = ".verified"


@dataclass(frozen=True)
class LockedJar:
    """One jar: Maven coordinates, sha256, file name."""

    group: str
    artifact: str
    version: str
    sha256: str
    file: str


def read_lock(path: Path) -> list[LockedJar]:
    """Read `jars.lock`.

    Raises
    ------
    InstallFailed
        A line is malformed; it is named.
    """
    jars = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        found = _LINE.match(line.strip())
        if not found:
            raise InstallFailed(f"{path.name}, line {number}, is not `group:artifact:version sha256 file`.", fix="Restore it from git.")
        jars.append(LockedJar(*found.groups()))
    return jars


def install_jars(lock: Path, folder: Path, report: Report, *, java: Java | None = None, environ: Mapping[str, str] | None = None) -> None:
    """Make `folder` hold exactly the jars of `lock`, each verified. Nothing is done, and no network used, when it does.

    Raises
    ------
    InstallFailed
        A jar could not be downloaded, or is not the one that was locked. `folder` is as it was before.
    """
    jars = read_lock(lock)
    if is_complete(lock, folder):
        report(f"{len(jars)} jars are in place.")
        return
    environ = process_environment() if environ is None else environ
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".jars-", dir=folder.parent) as scratch:
        staged = Path(scratch) / "staged"
        staged.mkdir()
        missing = [jar for jar in jars if not _reuse(jar, folder, staged)]
        if missing:
            report(f"Downloading {len(missing)} jars through {find_repository(environ).name}.")
            _download(missing, Path(scratch), staged, java or find_java(environ), environ)
        for jar in jars:
            _verify(jar, staged / jar.file, lock.name)
        (staged / _STAMP).write_text(_digest(lock), encoding="ascii")
        _exchange(staged, folder, Path(scratch))
    report(f"{len(jars)} jars verified.")


def is_complete(lock: Path, folder: Path) -> bool:
    """Tell whether an earlier install of this very lock is whole: stamp, and every file of it."""
    stamp = folder / _STAMP
    if not stamp.is_file() or stamp.read_text(encoding="ascii") != _digest(lock):
        return False
    return all((folder / jar.file).is_file() for jar in read_lock(lock))


def _reuse(jar: LockedJar, folder: Path, staged: Path) -> bool:
    present = folder / jar.file
    if present.is_file() and _digest(present) == jar.sha256:
        shutil.copy2(present, staged / jar.file)
        return True
    return False


def _verify(jar: LockedJar, path: Path, lock: str) -> None:
    if not path.is_file():
        raise InstallFailed(
            f"{jar.file} was not downloaded.", why="The repository has no such file.", fix="Check your Maven mirror, then run it again."
        )
    found = _digest(path)
    if found != jar.sha256:
        raise InstallFailed(
            f"{jar.file} is not the file that was locked.",
            why=f"Its sha256 is {found}, and {lock} says {jar.sha256}: the mirror or something on the way changed it.",
            fix="Nothing was installed. Ask whoever runs the mirror, or use another one, then run it again.",
        )


def _exchange(staged: Path, folder: Path, scratch: Path) -> None:
    """Two renames on one file system: at no moment does `folder` hold a part of the set."""
    staged.chmod(0o755)
    if folder.exists():
        folder.rename(scratch / "old")
    staged.rename(folder)


def _download(jars: list[LockedJar], scratch: Path, staged: Path, java: Java, environ: Mapping[str, str]) -> None:
    settings, module = scratch / "ivysettings.xml", scratch / "ivy.xml"
    settings.touch(mode=0o600)  # may hold the mirror's password
    settings.write_text(render_settings(find_repository(environ), scratch / "cache"), encoding="utf-8")
    module.write_text(_render_module(jars), encoding="utf-8")
    options = [f"-Duser.home={scratch / 'home'}", *truststore_options(scratch, environ), *proxy_options(environ)]
    ivy = ["-settings", str(settings), "-ivy", str(module), "-retrieve", str(staged / "[artifact]-[revision].[ext]")]
    argv = [str(java.binary), *options, "-jar", str(_ivy_jar()), *ivy]
    try:
        done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=_DOWNLOAD_TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise InstallFailed(
            "The jars did not arrive in 15 minutes.", fix="Check the network and the Maven mirror, then run it again."
        ) from error
    if done.returncode != 0:
        raise InstallFailed(
            "The jars could not be downloaded.",
            why=_reason(done.stdout + done.stderr),
            fix="Check the network, the proxy variables and the mirror in ~/.m2/settings.xml, then run it again. Nothing was installed.",
        )


def _reason(output: str) -> str:
    telling = [line.strip() for line in output.splitlines() if re.search(r"Exception|not found|FAILED|refused|unresolved|denied", line)]
    return " | ".join(dict.fromkeys(telling[:4])) or output.strip()[-300:]


def render_settings(repository: Repository, cache: Path) -> str:
    """Give the Ivy settings that resolve everything from one repository."""
    credentials = ""
    if repository.user:
        host = quoteattr(repository.host)
        secret = f"username={quoteattr(repository.user)} passwd={quoteattr(repository.password)}"
        credentials = f"<credentials host={host} {secret}/>"
    return (
        f'<ivysettings><settings defaultResolver="maven"/>{credentials}<caches defaultCacheDir={quoteattr(str(cache))}/>'
        f'<resolvers><ibiblio name="maven" m2compatible="true" usepoms="false" root={quoteattr(repository.url)}/></resolvers></ivysettings>'
    )


def _render_module(jars: list[LockedJar]) -> str:
    lines = "".join(f'<dependency org="{jar.group}" name="{jar.artifact}" rev="{jar.version}" transitive="false"/>' for jar in jars)
    return f'<ivy-module version="2.0"><info organisation="dataflow" module="jars"/><dependencies>{lines}</dependencies></ivy-module>'


def pyspark_jars() -> Path:
    """Give the folder of jars inside the pyspark wheel, without importing it."""
    spec = find_spec("pyspark")
    if spec is None or spec.origin is None:
        raise InstallFailed("The pyspark package is not installed.", fix="Run `./lab up`: it makes the environment from requirements.lock.")
    return Path(spec.origin).parent / "jars"


def _ivy_jar() -> Path:
    return next(pyspark_jars().glob("ivy-*.jar"))


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
