"""What the hub may ask of the Docker engine: what the lab makes passes, and each thing that it never makes is refused."""

import copy
import json
from dataclasses import replace
from pathlib import Path

import pytest

from dataflow_hub.containers.engine import BOX, LABEL, SERVICE
from dataflow_hub.containers.policy import Kind, Policy, body_to_pass_on, container_of

STATE = Path("/srv/state")
SERVERS = Kind(
    images=frozenset({"dataflow-lab/lessons:1"}),
    uids=range(64000, 1 << 31),
    writable=(STATE / "homes", STATE / "run/gate/doors"),
    readable=(STATE / "cache/jupyter", STATE / "run/gate/files"),
    shared=(STATE / "run/gate/services",),
)
BOXES = Kind(
    images=frozenset({"dataflow-lab/lessons:1", "dataflow-lab/hub:1"}),
    uids=range(63000, 64000),
    writable=(STATE / "run/grading",),
    readable=(STATE / "run/grading", STATE / "run/grading-users", Path("/srv/checkout/courses")),
    shared=(Path("/srv/checkout/kernels"),),
    depth=2,
)
POLICY = Policy(lab_id="abc", lab_uid=0, servers=SERVERS, boxes=BOXES)
MADE = {
    "Image": "dataflow-lab/lessons:1",
    "User": "64001:64001",
    "Cmd": ["python"],
    "Env": ["A=b"],
    "Labels": {LABEL: "abc"},
    "HostConfig": {
        "NetworkMode": "none",
        "CapDrop": ["ALL"],
        "SecurityOpt": ["no-new-privileges:true"],
        "ReadonlyRootfs": True,
        "Memory": 1 << 30,
        "Binds": [f"{STATE}/homes/ana:/home/ana:rw", f"{STATE}/run/gate/services:/run/lab/services:ro"],
    },
}


GRADING = f"{STATE}/run/grading/0a1b"
BOXED = MADE | {
    "Image": "dataflow-lab/hub:1",
    "User": "63007:63007",
    "Labels": {LABEL: "abc", BOX: "grade-0a1b"},
    "HostConfig": MADE["HostConfig"]
    | {"Binds": [f"{GRADING}/work:/work:rw", f"{GRADING}/landing:/landing:ro", "/srv/checkout/courses/m/01/checks:/checks:ro"]},
}


def create(body):
    return POLICY.refusal("POST", "/v1.41/containers/create", body)


def changed(**changes):
    body = copy.deepcopy(MADE)
    body["HostConfig"] |= changes.pop("host", {})
    return body | changes


def test_what_the_lab_makes_passes():
    assert not create(MADE)


@pytest.mark.parametrize(
    "body",
    [
        changed(Image="debian:12"),
        changed(User="0:0"),
        changed(User="64001:0"),
        changed(User="999:999"),
        changed(Labels={}),
        changed(Labels={LABEL: "another"}),
        changed(Labels={LABEL: "abc", SERVICE: "hub"}),
        changed(Entrypoint=["/bin/sh"]),
        changed(host={"Privileged": True}),
        changed(host={"CapAdd": ["SYS_ADMIN"]}),
        changed(host={"CapDrop": []}),
        changed(host={"SecurityOpt": ["no-new-privileges:true", "seccomp=unconfined"]}),
        changed(host={"SecurityOpt": []}),
        changed(host={"NetworkMode": "host"}),
        changed(host={"NetworkMode": "bridge"}),
        changed(host={"NetworkMode": ""}),
        changed(host={"PidMode": "host"}),
        changed(host={"IpcMode": "host"}),
        changed(host={"Devices": [{"PathOnHost": "/dev/sda"}]}),
        changed(host={"ReadonlyRootfs": False}),
        changed(host={"Mounts": [{"Type": "bind", "Source": "/", "Target": "/host"}]}),
        changed(host={"VolumesFrom": ["another"]}),
        changed(host={"CgroupParent": "/"}),
        changed(host={"PortBindings": {"8888/tcp": [{"HostPort": "80"}]}}),
        changed(host={"OomScoreAdj": -1000}),
        changed(host={"Runtime": "other"}),
        changed(host={"LogConfig": {"Type": "gelf", "Config": {"gelf-address": "udp://192.0.2.1:1"}}}),
    ],
    ids=str,
)
def test_what_the_lab_never_makes_is_refused(body):
    assert "not what the lab makes" in create(body)


def test_a_lab_that_is_no_root_runs_students_as_itself_and_never_as_root():
    ordinary = replace(POLICY, lab_uid=1000)
    assert not ordinary.refusal("POST", "/containers/create", changed(User="1000:1000"))
    assert ordinary.refusal("POST", "/containers/create", changed(User="0:0"))
    assert ordinary.refusal("POST", "/containers/create", changed(User="1001:1001"))
    assert POLICY.refusal("POST", "/containers/create", changed(User="0:0"))


@pytest.mark.parametrize(
    "bind",
    [
        "/:/host:ro",
        "/etc:/x:ro",
        f"{STATE}:/x:ro",
        f"{STATE}/homes:/x:ro",
        f"{STATE}/homes/../secrets:/x:ro",
        f"{STATE}/homes/ana/deeper:/x:rw",
        f"{STATE}/secrets:/x:ro",
        f"{STATE}/run/gate/services:/x:rw",
        f"{STATE}/run/gate/services:/x",
        f"{STATE}/run/docker-api:/x:ro",
        "/var/run/docker.sock:/x:ro",
        "a-volume:/x:rw",
    ],
)
def test_of_the_machine_only_what_is_a_students_is_mounted(bind):
    assert f"the mount {bind}" in create(changed(host={"Binds": [bind]}))


def test_a_link_in_the_place_of_a_home_or_of_all_homes_is_refused(tmp_path):
    """Whoever took the hub over could put one there, and the engine would follow it."""
    homes = tmp_path / "homes"
    homes.mkdir()
    policy = Policy("abc", 0, Kind(SERVERS.images, SERVERS.uids, (homes.resolve(),), (), ()), BOXES)
    asked = changed(host={"Binds": [f"{homes}/ana:/home/ana:rw"]})
    (homes / "bruno").mkdir()
    (homes / "ana").symlink_to("/etc")
    assert "the mount" in policy.refusal("POST", "/containers/create", asked)
    (homes / "ana").unlink()
    (homes / "ana").symlink_to(homes / "bruno")
    assert "the mount" in policy.refusal("POST", "/containers/create", asked)
    (homes / "ana").unlink()
    assert not policy.refusal("POST", "/containers/create", asked)
    homes.rename(tmp_path / "elsewhere")
    homes.symlink_to("/")
    assert "the mount" in policy.refusal("POST", "/containers/create", asked)


def test_a_state_folder_behind_a_link_serves(tmp_path):
    """A lab whose disk is mounted elsewhere and linked to works like any other."""
    (tmp_path / "disk" / "homes").mkdir(parents=True)
    (tmp_path / "state").symlink_to(tmp_path / "disk")
    policy = Policy("abc", 0, Kind(SERVERS.images, SERVERS.uids, ((tmp_path / "state" / "homes").resolve(),), (), ()), BOXES)
    assert not policy.refusal("POST", "/containers/create", changed(host={"Binds": [f"{tmp_path}/state/homes/ana:/home/ana:rw"]}))


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1.41/version"),
        ("GET", "/_ping"),
        ("GET", "/v1.41/containers/dataflow-abc-ana/json"),
        ("POST", "/v1.41/containers/dataflow-abc-ana/start"),
        ("POST", "/v1.41/containers/0123abcd/stop"),
        ("DELETE", "/v1.41/containers/0123abcd"),
        ("GET", "/v1.41/images/dataflow-lab/lessons:1/json"),
    ],
)
def test_what_a_spawner_asks_passes(method, path):
    assert not POLICY.refusal(method, path, {})


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1.41/containers/json"),
        ("GET", "/v1.41/info"),
        ("POST", "/v1.41/containers/ana/exec"),
        ("POST", "/v1.41/containers/ana/update"),
        ("GET", "/v1.41/containers/ana/archive"),
        ("PUT", "/v1.41/containers/ana/archive"),
        ("GET", "/v1.41/containers/ana/logs"),
        ("POST", "/v1.41/containers/prune"),
        ("POST", "/v1.41/images/create"),
        ("POST", "/v1.41/build"),
        ("GET", "/v1.41/images/debian:12/json"),
        ("POST", "/v1.41/volumes/create"),
        ("POST", "/v1.41/networks/create"),
        ("GET", "/v1.41/secrets"),
        ("GET", "/v1.41/events"),
        ("POST", "/v1.41/containers/create/../../build"),
        ("POST", "/v1.41//containers/create"),
        ("POST", "/v1.23/containers/ana/start"),
        ("POST", "/v1.23/containers/create"),
    ],
)
def test_everything_else_is_refused(method, path):
    assert POLICY.refusal(method, path, MADE)


def test_what_is_said_twice_is_passed_on_once():
    """Go merges what comes twice, Python keeps the last: the engine gets what was looked at, and nothing beside a creation."""
    text = '{"HostConfig": {"Privileged": true}, "HostConfig": {"ReadonlyRootfs": true}}'
    assert body_to_pass_on("/v1.41/containers/create", json.loads(text)) == b'{"HostConfig": {"ReadonlyRootfs": true}}'
    assert body_to_pass_on("/v1.41/containers/ana/start", {"HostConfig": {"Privileged": True}}) is None


def test_only_students_containers_of_this_lab_are_its_own():
    """A base image may bring labels along; a service's container is no student's."""
    start = "/v1.41/containers/ana/start"
    assert POLICY.is_own({LABEL: "abc", "org.opencontainers.image.title": "Debian"}, start)
    assert not POLICY.is_own({LABEL: "abc", SERVICE: "hub"}, start)
    assert not POLICY.is_own({LABEL: "another"}, start)
    assert not POLICY.is_own({}, start)


def test_a_submissions_box_passes_and_only_with_what_such_a_box_has():
    """It runs as none of the students, and sees scratch folders and checks, and no home, door or secret."""
    assert not create(BOXED)
    assert "User" in create(BOXED | {"User": "64001:64001"})
    assert "Image" in create(MADE | {"Image": "dataflow-lab/hub:1"})
    assert "User" in create(MADE | {"User": "63007:63007"})
    for bind in (
        f"{STATE}/homes/ana:/x:ro",
        f"{STATE}/run/gate/services:/x:ro",
        f"{STATE}/secrets:/x:ro",
        f"{STATE}/run/grading:/x:rw",
        f"{GRADING}:/x:rw",
        f"{GRADING}/work/deeper:/x:rw",
        "/srv/checkout/courses/m:/x:rw",
        "/srv/checkout/hub:/x:ro",
    ):
        assert f"the mount {bind}" in create(BOXED | {"HostConfig": BOXED["HostConfig"] | {"Binds": [bind]}})


@pytest.mark.parametrize("what", ["attach", "wait"])
def test_the_streams_of_a_box_are_its_asker_s_and_those_of_a_students_server_nobodys(what):
    path = f"/v1.41/containers/dataflow-abc-ana/{what}"
    assert not POLICY.refusal("POST", path, {})
    assert POLICY.is_own({LABEL: "abc", BOX: "grade-0a1b"}, path)
    assert not POLICY.is_own({LABEL: "abc"}, path)


def test_every_path_that_names_a_container_is_found_out():
    assert container_of("/v1.41/containers/ana/start") == "ana"
    assert container_of("/containers/ana") == "ana"
    assert not container_of("/v1.41/containers/create")
    assert not container_of("/version")
