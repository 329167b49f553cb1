"""The JVM's class-data archive: made by one training run, it halves the time to the first row."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from dataflow_kernels.environ import LabEnv, process_environment
from dataflow_kernels.java import Java
from dataflow_kernels.jvm import class_path

_TRAINING_TIMEOUT_SECONDS = 900
_AOT_SINCE = 25


def build_archive(java: Java, jars: Path, report: Callable[[str], None]) -> Path | None:
    """Make the archive for this Java and these jars, beside them, and give its path; at once when it is there already.

    A lab works without one, only slower: when the training run fails, the reason is reported and None given.
    """
    archive = archive_path(java, jars)
    if archive.is_file():
        report("The class-data archive is in place.")
        return archive
    report("Training the JVM once, for a class-data archive.")
    with tempfile.TemporaryDirectory(prefix="dataflow-training-") as scratch:
        made = Path(scratch) / archive.name
        problem = _train(java, jars, made)
        if not made.is_file():
            report(f"No class-data archive: {problem or 'the JVM wrote none'}. Spark works, and starts more slowly.")
            return None
        for outdated in jars.glob("spark-*.*"):
            if outdated.suffix in {".jsa", ".aot"}:
                outdated.unlink()
        _move(made, archive)
    report(f"Class-data archive of {archive.stat().st_size // 2**20} MiB made.")
    return archive


def archive_path(java: Java, jars: Path) -> Path:
    """Give where the archive for this Java and class path belongs; its name changes when either does."""
    path = class_path(LabEnv(user="training", jars_dir=str(jars)))
    facts = [java.version, str(java.home), *(_identity(Path(jar)) for jar in path.split(":"))]
    key = hashlib.sha256("\n".join(facts).encode()).hexdigest()[:16]
    suffix = "aot" if java.feature >= _AOT_SINCE else "jsa"
    return jars / f"spark-{java.feature}-{key}.{suffix}"


def _identity(jar: Path) -> str:
    """Give what the JVM compares too: the same jars installed anew have new times, and it then ignores the archive silently."""
    facts = jar.stat()
    return f"{jar} {facts.st_size} {int(facts.st_mtime)}"


def _train(java: Java, jars: Path, output: Path) -> str:
    """Run the training in a process of its own; give why it failed, or ""."""
    env = LabEnv(
        user="training",
        lake_root=(output.parent / "lake").as_uri(),
        s3_endpoint="http://127.0.0.1:9",  # nothing listens there: enough to load the classes of the S3 client
        s3_access_key="training",
        s3_secret_key="training",  # noqa: S106 - no such credential exists
        java_home=str(java.home),
        jars_dir=str(jars),
        spark_log=str(output.parent / "spark.log"),
    )
    option = f"-XX:AOTCacheOutput={output}" if output.suffix == ".aot" else f"-XX:ArchiveClassesAtExit={output}"
    environment = process_environment() | env.to_environ() | {"PYTHONPATH": str(Path(__file__).parents[1])}
    argv = [sys.executable, "-W", "ignore", "-m", "dataflow_kernels.training", option]
    try:
        done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=_TRAINING_TIMEOUT_SECONDS, env=environment)
    except subprocess.TimeoutExpired:
        return "the training run took more than fifteen minutes"
    return done.stderr.strip().splitlines()[-1] if done.returncode and done.stderr.strip() else ""


def _move(source: Path, target: Path) -> None:
    """Copy across file systems, then rename: readers see the whole archive or none."""
    partial = target.with_suffix(".partial")
    partial.write_bytes(source.read_bytes())
    partial.chmod(0o644)
    partial.replace(target)
