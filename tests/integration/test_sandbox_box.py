"""The sandbox itself, as whoever runs the tests and, where that is root, as an ordinary user too."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dataflow_hub.errors import SandboxError
from dataflow_hub.sandbox import Box, Limits, available, command, run, start
from dataflow_hub.sandbox.bubblewrap import binary
from dataflow_hub.settings import load_lab

pytestmark = pytest.mark.integration
LIMITS = Limits(memory_mib=256, cpu_cores=1.0, processes=64, open_files=256, file_mib=16)
_ORDINARY_UID = 1500


def _box(name: str = "test", **options: object) -> Box:
    values = {"environment": {}, "limits": LIMITS, "uid": 61_500, "working_directory": "/tmp"} | options
    return Box(name=name, **values)  # type: ignore[arg-type]


def _shell(text: str, seconds: float = 20, **options: object) -> tuple[int, str]:
    finished = run(_box(**options), ["/bin/sh", "-c", text], timeout_seconds=seconds)
    return finished.exit_code, (finished.stdout + finished.stderr).decode()


def test_a_sandbox_can_be_made_here(tmp_path: Path) -> None:
    """The self-test that a hub runs before it starts passes."""
    available(load_lab(state=tmp_path / "state", environ={}).workspace)


def test_a_secret_is_in_no_command_line() -> None:
    """The environment goes through a descriptor: the order's file is private and used up."""
    argv = command(_box(environment={"KEY": "a-canary-key"}), ["/bin/sh", "-c", "echo $KEY"])
    assert "a-canary-key" not in " ".join(argv)
    order = Path(argv[-1])
    assert order.stat().st_mode & 0o077 == 0
    assert subprocess.run(argv, capture_output=True, check=True).stdout == b"a-canary-key\n"
    assert not order.exists()


def test_nothing_is_left_when_the_command_ends() -> None:
    """A daemon that detached itself is dead by the time `run` returns."""
    mark = f"4{os.getpid()}"
    code, _ = _shell(f"(setsid sleep {mark} >/dev/null 2>&1 &) ; exit 3")
    assert code == 3
    assert not _running(f"sleep\0{mark}")


def test_a_command_that_ignores_every_signal_is_dead_at_the_limit() -> None:
    """The time limit is kept to two seconds, whatever was trapped."""
    began = time.monotonic()
    finished = run(_box(), ["/bin/sh", "-c", "trap '' TERM INT HUP; while :; do :; done"], timeout_seconds=2)
    assert finished.timed_out
    assert time.monotonic() - began < 4


def test_output_is_cut_and_the_command_still_ends() -> None:
    """A flood of output fills neither memory nor the pipe."""
    finished = run(_box(), ["/bin/sh", "-c", "head -c 50000000 /dev/zero"], timeout_seconds=20, output_limit_bytes=1000)
    assert (finished.exit_code, len(finished.stdout), finished.truncated) == (0, 1000, True)


def test_the_tree_dies_with_whoever_started_it() -> None:
    """A grader that is killed leaves no student code running."""
    mark = f"5{os.getpid()}"
    code = f"""
import time
from dataflow_hub.sandbox import Box, Limits, start
start(Box(name='t', environment={{}}, limits=Limits(256, 1.0, 64, 256), uid=61501, working_directory='/tmp'), ['/bin/sleep', '{mark}'])
print('started', flush=True)
time.sleep(60)
"""
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    assert parent.stdout.readline() == b"started\n"
    _until(lambda: _running(f"sleep\0{mark}"))
    parent.kill()
    parent.wait()
    parent.stdout.close()
    _until(lambda: not _running(f"sleep\0{mark}"))


def test_a_server_may_outlive_whoever_started_it_and_is_asked_before_it_is_killed(tmp_path: Path) -> None:
    """A student's server survives the hub; when stopped it gets to finish."""
    out = tmp_path / "out"
    with out.open("wb") as log:
        argv = ["/bin/sh", "-c", "trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.1; done"]
        process = start(_box(), argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, outlives_caller=True, grace_seconds=5)
    _until(lambda: out.read_text() == "ready\n")
    process.terminate()
    process.wait(10)
    assert out.read_text() == "ready\nbye\n"


def test_a_mount_that_is_not_there_is_an_error_not_a_failed_command() -> None:
    """What the lab did wrong never looks like what the student did."""
    with pytest.raises(SandboxError, match="does not exist"):
        _shell("true", read_only=((Path("/no/such/folder"), "/data"),))


def test_a_box_that_cannot_be_made_is_an_error_not_an_exit_code() -> None:
    """Fails closed: bubblewrap's own failure is told apart from the command's."""
    with pytest.raises(SandboxError, match="could not be made"):
        _shell("true", working_directory="/proc/nothing/here")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has uids to give")
def test_as_root_a_box_without_a_uid_is_refused() -> None:
    """Student code never runs as root."""
    with pytest.raises(SandboxError, match="unprivileged uid"):
        _shell("id", uid=None)


@pytest.mark.skipif(os.geteuid() == 0 and not Path("/usr/bin/python3").exists(), reason="needs the system's python3: apt install python3")
def test_an_ordinary_user_gets_the_same_isolation(tmp_path: Path) -> None:
    """Without root: own user, processes and network, no new namespaces, limits on each process."""
    probe = (
        "id -u; ls /proc | grep -c '^[0-9]'; unshare -U true 2>&1 | grep -c 'not permitted';"
        " touch /x /dev/x 2>&1 | grep -c Read-only; ulimit -u; ls /home 2>/dev/null"
    )
    code = f"""
from dataflow_hub.sandbox import Box, Limits, run
box = Box(name='t', environment={{}}, limits=Limits(256, 1.0, 64, 256), working_directory='/tmp')
finished = run(box, ['/bin/bash', '-c', {probe!r}], timeout_seconds=20)
print(finished.stdout.decode() + finished.stderr.decode())
print(run(box, ['/usr/bin/python3', '-c', 'x = bytes(400 << 20)'], timeout_seconds=20).exit_code)
"""
    lines = _as_ordinary_user(code, tmp_path).split()
    uid, processes, refused, read_only, limit, *_ = lines
    assert (uid, refused, read_only, limit, lines[-1]) == ("1000", "1", "2", "64", "1")
    assert int(processes) < 10


def _as_ordinary_user(code: str, folder: Path) -> str:
    root = Path(__file__).parents[2]
    paths = f"{root / 'hub'}:{binary().parents[2]}"
    change = ["setpriv", "--reuid", str(_ORDINARY_UID), "--regid", str(_ORDINARY_UID), "--clear-groups"] if os.geteuid() == 0 else []
    python = "/usr/bin/python3" if change else sys.executable
    environment = {"PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1", "PATH": "/usr/bin:/bin", "HOME": "/tmp"}
    done = subprocess.run([*change, python, "-c", code], env=environment, cwd="/", capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _running(needle: str) -> bool:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if needle.encode() in path.read_bytes() and b"python" not in path.read_bytes():
                return True
        except OSError:
            continue
    return False


def _until(condition: object, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.05)
