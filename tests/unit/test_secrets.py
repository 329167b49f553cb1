"""Secrets: made once, private, replaceable."""

import stat
from pathlib import Path

import pytest

from dataflow_hub import secrets
from dataflow_hub.workspace import Workspace, write_private


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(root=tmp_path, state=tmp_path / "state")


def test_secret_is_made_once_and_private(workspace):
    """The same name gives the same value, in a file that only its owner reads."""
    first = secrets.secret(workspace, "proxy-api-token")
    assert secrets.secret(workspace, "proxy-api-token") == first
    assert len(first) == 64
    assert stat.S_IMODE(secrets.secret_path(workspace, "proxy-api-token").stat().st_mode) == 0o600


def test_rotate_replaces(workspace):
    """A rotated secret differs and stays."""
    first = secrets.secret(workspace, "a")
    assert secrets.rotate(workspace, "a") != first
    assert secrets.secret(workspace, "a") != first


def test_name_cannot_leave_the_folder(workspace):
    """A name is a plain word, never a path."""
    with pytest.raises(ValueError, match="lower-case"):
        secrets.secret(workspace, "../x")


def test_private_write_leaves_no_half_file(tmp_path):
    """A failed write leaves the old text whole and no temporary file."""
    target = tmp_path / "file"
    write_private(target, "old")
    with pytest.raises(UnicodeEncodeError):
        write_private(target, "\ud800")
    assert target.read_text() == "old"
