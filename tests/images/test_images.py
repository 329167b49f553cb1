"""The images of students' containers: what they hold, what they do not, and that they work with nothing but themselves."""

from __future__ import annotations

import json
import re

import pytest
from packaging.utils import canonicalize_name

from dataflow_hub.containers.sbom import bill_of_materials
from dataflow_hub.workspace import CHECKOUT

pytestmark = pytest.mark.contract
IMAGES = ("base", "notebook", "spark", "lessons", "hub")
PYTHON = "/opt/lab/bin/python"
_INTERACTIVE = "import sys; sys.ps1 = ''; "  # PySpark takes `python -c` for a run of its doctests, and ends it
SPARK_BYTES = 1.6e9  # with all that it stands on: a classroom pulls it over one line


@pytest.mark.parametrize("image", IMAGES)
def test_nobody_becomes_root_in_it(run, image):
    """No file gains rights by being run, and the image's own user is not root."""
    assert run(image, "sh", "-c", "find / -xdev -perm /6000 -type f 2>/dev/null; id -u").split() == ["1000"]


def test_the_user_of_an_image_is_not_root(engine, images):
    """Who runs an image without saying as whom is nobody special."""
    assert {engine.images.get(tag).attrs["Config"]["User"] for tag in images.values()} == {"1000:1000"}


@pytest.mark.parametrize("image", IMAGES[1:])
def test_packages_are_the_locked_ones(run, image):
    """Every package is at the version of the lock."""
    lock = (CHECKOUT / "requirements.lock").read_text(encoding="utf-8")
    locked = {(canonicalize_name(name), version) for name, version in re.findall(r"^([\w.-]+)==([^\s;\\]+)", lock, re.MULTILINE)}
    code = "import json, importlib.metadata as m; print(json.dumps([(d.name, d.version) for d in m.distributions()]))"
    found = {(canonicalize_name(name), version) for name, version in json.loads(run(image, PYTHON, "-c", code))}
    assert len(found) > 50
    assert {name for name, _ in found - locked} <= {"pip", "setuptools"}  # the virtual environment brings these


@pytest.mark.parametrize("image", IMAGES[1:])
def test_nothing_of_the_hubs_side_is_in_it(run, image):
    """The folder boundary is the trust boundary: no grader, no course, no generator of hidden data."""
    code = "import importlib.util as u; print(u.find_spec('dataflow_kernels') is not None, u.find_spec('dataflow_hub'))"
    assert run(image, PYTHON, "-c", code).split() == ["True", "None"]
    assert run(image, "sh", "-c", "find / -xdev \\( -name hidden.py -o -name 'lesson.toml' \\) 2>/dev/null; true") == ""


def test_the_bill_of_materials_lists_what_is_in_it(run, images):
    """Every package of Python, every one of Debian, every jar by its checksum, each once: what a scanner of advisories asks for."""
    found = bill_of_materials(images["lessons"])
    assert (found["bomFormat"], found["specVersion"]) == ("CycloneDX", "1.5")
    packages = {part["purl"] for part in found["components"] if part.get("purl", "").startswith("pkg:pypi/")}
    code = "import importlib.metadata as m; print(*(d.name for d in m.distributions()))"
    assert len(packages) == len(set(run("lessons", PYTHON, "-c", code).split()))
    assert any(each.startswith("pkg:pypi/pyspark@") for each in packages)
    assert any(part.get("purl", "").startswith("pkg:deb/debian/tini@") for part in found["components"])
    jars = {part["name"]: part["hashes"][0]["content"] for part in found["components"] if "hashes" in part}
    delta = next(name for name in jars if name.startswith("delta-spark"))
    assert jars[delta] in (CHECKOUT / "kernels" / "jars.lock").read_text(encoding="utf-8")


def test_no_secret_of_the_build_stays_in_a_layer(engine, images):
    """Neither pip's settings nor the network's own certificates are in an image's history or files."""
    for tag in images.values():
        history = json.dumps(engine.images.get(tag).history())
        assert "index-url" not in history
        assert "BEGIN CERTIFICATE" not in history


def test_spark_writes_and_reads_a_delta_table_with_nothing_but_the_image(run):
    """No network, no home, a read-only root: the jars, the JVM and its archive are all there."""
    code = """
from pathlib import Path
from dataclasses import replace
from dataflow_kernels.environ import LabEnv
from dataflow_kernels.spark import LabSpark
import os
env = LabEnv.from_environ(dict(os.environ) | {"DATAFLOW_USER": "ana", "DATAFLOW_LAKE_ROOT": "file:///tmp/lake"})
assert Path(env.cds_archive).is_file()
lab = LabSpark(replace(env, spark_log="/tmp/spark.log"))
spark = lab.session()
spark.range(7).write.format("delta").save("/tmp/lake/t")
print(spark.read.format("delta").load("/tmp/lake/t").count(), "error" in Path("/tmp/spark.log").read_text().lower())
lab.stop()
"""
    assert run("spark", PYTHON, "-c", code).splitlines()[-1] == "7 False"


@pytest.mark.parametrize(
    ("image", "modules"),
    [
        ("notebook", "pyarrow.parquet, pyarrow.dataset, pyarrow.compute, deltalake, duckdb, matplotlib.pyplot, nbgrader.apps, jupyterlab"),
        ("spark", "pyspark.sql.pandas.functions, pyspark.ml.feature, delta.tables"),
        ("lessons", "mlflow.sklearn, sklearn.ensemble, great_expectations, prefect, streamlit.testing.v1, confluent_kafka"),
    ],
)
def test_what_was_made_small_still_imports(run, image, modules):
    """What was left out of packages is missed by none that the courses use."""
    assert "all there" in run(image, PYTHON, "-W", "ignore", "-c", f"{_INTERACTIVE}import {modules}; print('all there')").splitlines()


def test_the_spark_image_stays_small(engine, images):
    """With all that it stands on."""
    assert engine.images.get(images["spark"]).attrs["Size"] < SPARK_BYTES
