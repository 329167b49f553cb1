"""What goes into an image: the locked entries of a package and all that it requires, hashes included."""

import pytest

from dataflow_hub.containers.requirements import closure, subset
from dataflow_hub.errors import MissingError
from dataflow_hub.workspace import CHECKOUT

LOCK = (CHECKOUT / "requirements.lock").read_text(encoding="utf-8")


def test_subset_takes_what_is_required_in_turn_and_leaves_the_rest():
    """pandas brings numpy; it brings no Spark."""
    names = {line.partition("==")[0] for line in subset(LOCK, ["pandas"]).splitlines() if "==" in line}
    assert {"pandas", "numpy", "python-dateutil", "six"} <= names
    assert "pyspark" not in names


def test_every_entry_keeps_its_hashes():
    """pip refuses an entry without one."""
    entries = subset(LOCK, ["pandas"]).replace("\n    ", " ").splitlines()
    assert len(entries) > 3
    assert all("--hash=sha256:" in entry for entry in entries)


def test_extras_count():
    """`mlflow[auth]` needs what plain mlflow does not."""
    assert closure(["mlflow"]) < closure(["mlflow[auth]"])


def test_a_name_with_one_entry_for_each_platform_keeps_them_all():
    """A universal lock may list a package twice, with markers."""
    lock = "six==1.0 ; sys_platform == 'linux' \\\n    --hash=sha256:aa\nsix==2.0 ; sys_platform != 'linux' \\\n    --hash=sha256:bb\n"
    assert subset(lock, ["six"]) == lock


def test_a_package_that_is_not_locked_is_named():
    """An image holds nothing that was not locked."""
    with pytest.raises(MissingError, match="six"):
        subset("numpy==1.0 \\\n    --hash=sha256:aa\n", ["six"])
