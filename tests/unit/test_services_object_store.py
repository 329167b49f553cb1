"""The object store's configuration closes every way in but the S3 port."""

import json
import socket
import stat
import tomllib
from dataclasses import replace

import pytest

from dataflow_hub.errors import ServiceError
from dataflow_hub.services import object_store
from dataflow_hub.settings import load_lab


@pytest.fixture
def lab(tmp_path):
    lab = load_lab(state=tmp_path / "state", environ={})
    lab.workspace.prepare()
    return lab


def test_every_part_wants_a_token_or_a_certificate(lab):
    """Volume and filer: signed tokens. Master and all of gRPC: a client certificate of this lab."""
    object_store.prepare(lab)
    security = tomllib.loads((lab.workspace.run / "object-store" / "security.toml").read_text())
    keys = {security["jwt"][name]["key"] for name in ("signing", "filer_signing")}
    keys |= {security["jwt"][name]["read"]["key"] for name in ("signing", "filer_signing")}
    assert len(keys) == 4
    assert all(len(key) == 64 for key in keys)
    assert security["https"]["master"]["ca"] == security["grpc"]["ca"]
    assert {"master", "volume", "filer", "s3", "admin"} <= set(security["grpc"])


def test_configuration_is_closed_to_other_users(lab):
    """Everything under the store's configuration folder is 0600, and stays the same at the next start."""
    object_store.prepare(lab)
    folder = lab.workspace.run / "object-store"
    before = {path.name: path.read_text() for path in folder.iterdir()}
    object_store.prepare(lab)
    assert {path.name: path.read_text() for path in folder.iterdir()} == before
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in folder.iterdir())


def test_mlflow_reaches_its_own_bucket_only(lab):
    """The key MLflow holds opens nothing of a student's."""
    object_store.prepare(lab)
    identities = json.loads((lab.workspace.run / "object-store" / "s3.json").read_text())["identities"]
    mlflow = next(identity for identity in identities if identity["name"] == "mlflow")
    assert {action.split(":")[1] for action in mlflow["actions"]} == {"mlflow"}


def test_two_lines_never_come_from_one_user_name():
    """A user's name becomes a bucket name without spaces, dashes at the ends or line breaks: it goes into a command."""
    names = ["ana", "ana.silva", "ana_silva", "Ana", "x\ns3.configure -user=root -delete -apply", "ção", "a" * 90]
    buckets = [object_store.bucket_name(name) for name in names]
    assert buckets[0] == "student-ana"
    assert len(set(buckets)) == len(names)
    for bucket in buckets:
        assert bucket.replace("-", "").isalnum()
        assert bucket.isascii()
        assert 3 <= len(bucket) <= 63


def test_keys_never_show_in_a_representation():
    """A log line with an access object in it gives no key away."""
    access = object_store.S3Access(endpoint="http://x", access_key="a", secret_key="very-secret", bucket="b")
    assert "very-secret" not in repr(access)


def test_a_lab_of_another_user_leaves_a_socket_and_the_store_waits_for_ever(lab, tmp_path, monkeypatch):
    """weed keeps sockets in /tmp and cannot replace another user's: that is said at once, not waited for."""
    monkeypatch.setattr(object_store, "_SOCKETS", tmp_path)
    left = tmp_path / f"seaweedfs-master-grpc-{lab.settings.ports.store_internal + 1}.sock"
    left.touch()
    object_store.prepare(lab)  # one's own is replaced
    monkeypatch.setattr(object_store.os, "geteuid", lambda: left.stat().st_uid + 1)
    with pytest.raises(ServiceError, match="another user") as refused:
        object_store.prepare(lab)
    assert str(left) in refused.value.why
    object_store.clear_sockets(lab)
    assert not left.exists()


def test_a_store_that_accepts_and_never_answers_is_told_of_soon(lab, monkeypatch):
    """A student's server does not start for as long as the store hangs: it says so instead."""
    monkeypatch.setattr(object_store, "_ANSWER_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as hung:
        ports = lab.settings.ports.model_copy(update={"s3": hung.getsockname()[1]})
        slow = replace(lab, settings=lab.settings.model_copy(update={"ports": ports}))
        with pytest.raises(ServiceError, match="does not answer"):
            object_store.grant(slow, "ana")
