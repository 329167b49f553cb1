"""A real hub, real sandboxes or containers, real kernels over their websockets: what holds on each backend."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.integration import server_hub

if TYPE_CHECKING:
    from collections.abc import Iterator


pytestmark = pytest.mark.contract


@pytest.fixture(scope="module", params=["bubblewrap", "docker"])
def rig(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    images = request.getfixturevalue("images") if request.param == "docker" else {}
    with server_hub.running_hub(tmp_path_factory.mktemp("hub") / "state", images=images) as running:
        running.seconds = {user: running.spawn(user) for user in ("ana", "bruno")}
        yield running


@pytest.fixture(scope="module")
def ana(rig: Any) -> Any:
    return rig.kernel("ana")


def test_a_student_gets_a_server_and_a_kernel(rig: Any, ana: Any) -> None:
    """A server started through the hub runs cells as the student, in the student's home."""
    assert ana.run("import getpass, os; print(getpass.getuser(), os.getcwd())") == "ana /home/ana\n"
    assert all(seconds < 60 for seconds in rig.seconds.values())


def test_kernels_talk_over_sockets_of_their_own_sandbox(ana: Any) -> None:
    """No kernel listens on a loopback port, which every student could reach."""
    code = (
        "from ipykernel.kernelapp import IPKernelApp as A; print(A.instance().transport, A.instance().connection_file.startswith('/tmp/'))"
    )
    assert ana.run(code) == "ipc True\n"


def test_neither_a_home_nor_a_process_of_another_is_seen(rig: Any, ana: Any) -> None:
    """From inside Ana's kernel there is no Bruno: not his home, his processes, his sockets, nor the lab's state."""
    state, root = rig.lab.workspace.state, rig.lab.workspace.root
    (rig.lab.workspace.homes / "bruno" / "canary.txt").write_text("canary-of-bruno")
    found = ana.run(
        f"""
import os, pathlib
print(os.listdir('/home'), os.path.exists('{state}/secrets'), os.path.exists('{root}/hub'), os.path.exists('{root}/courses'))
seen = [p.read_bytes() for p in pathlib.Path('/proc').glob('[0-9]*/cmdline') if os.access(p, os.R_OK)]
print(any(b'bruno' in each for each in seen), len(seen) < 40)
"""
    )
    assert found == "['ana'] False False False\nFalse True\n"


def test_the_servers_token_does_nothing_beyond_its_own(rig: Any, ana: Any) -> None:
    """The hub token in a student's environment reads no other account, starts nothing and makes no token."""
    token = ana.run("import os; print(os.environ['JUPYTERHUB_API_TOKEN'])").strip()
    assert rig.ask("/hub/api/user", token)[1]["name"] == "ana"
    for method, path in (
        ("GET", "users"),
        ("GET", "users/bruno"),
        ("POST", "users/ana/server"),
        ("POST", "users/ana/tokens"),
        ("GET", "groups"),
    ):
        assert rig.ask(f"/hub/api/{path}", token, method)[0] in (403, 404), path
    assert rig.ask("/user/bruno/api/contents", token)[0] == 403


def test_a_role_changes_without_a_restart(rig: Any) -> None:
    """A student made a grader opens the formgrader's door within seconds, and not after being made a student again."""
    from dataflow_hub.operations import roster

    groups = lambda: rig.hub("GET", "users/bruno")[1]["groups"]  # noqa: E731 - asked thrice
    token = rig.token("bruno")
    for role, group in (("grader", "formgrade-medallion"), ("student", "nbgrader-medallion")):
        roster.set_role(rig.lab, "medallion", "bruno", role)
        _until(lambda wanted=group: rig.ask("/hub/api/user", token) and groups() == [wanted])


def test_a_stopped_server_leaves_no_process(rig: Any) -> None:
    """Stopping a server ends the whole tree of its sandbox."""
    rig.spawn("professora")
    assert _processes_of(rig, "professora")
    assert rig.hub("DELETE", "users/professora/server")[0] in (202, 204)
    _until(lambda: not _processes_of(rig, "professora"))
    if "gate" in rig.processes:
        doors = rig.lab.workspace.run / "gate" / "doors.json"
        _until(lambda: "professora" not in json.loads(doors.read_text()))


def test_a_light_server_has_half_of_the_memory_and_says_it_when_it_has_no_spark(rig: Any) -> None:
    """A student's choice sets the limit that holds; in a container of the small image `spark` says what to do instead of failing."""
    rig.spawn("professora", profile="light")
    usual = rig.lab.settings.sandbox.memory_mib
    assert _memory_limit(_processes_of(rig, "professora")[0]) == usual // 2 << 20
    if "gate" in rig.processes:
        said = rig.kernel("professora", "spark-delta").run("spark")
        assert "This server has no Spark." in said
        assert "Stop My Server" in said
    assert rig.hub("DELETE", "users/professora/server")[0] in (202, 204)
    _until(lambda: not _processes_of(rig, "professora"))


def _memory_limit(process: int) -> int:
    """Give the limit of the control group that a process is in, version 1 or 2, in bytes."""
    for line in Path(f"/proc/{process}/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "memory":
            return int((Path("/sys/fs/cgroup/memory") / path.lstrip("/") / "memory.limit_in_bytes").read_text())
        if not controllers and (limit := Path("/sys/fs/cgroup") / path.lstrip("/") / "memory.max").exists():
            return int(limit.read_text())
    raise AssertionError("no control group limits its memory")


def _processes_of(rig: Any, user: str) -> list[int]:
    needle = f"/user/{user}/".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if (
                needle in (folder / "environ").read_bytes()
                and str(rig.lab.settings.ports.hub_api).encode() in (folder / "environ").read_bytes()
            ):
                found.append(int(folder.name))
        except OSError:
            continue
    return found


def _until(condition: Any, seconds: float = 60) -> None:
    import time

    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.5)
