"""A student who fills the disk, in a sandbox and in a container: the own server ends, and nobody else notices."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from tests.integration import server_hub

from dataflow_hub.sandbox.disk import folder_size
from dataflow_hub.server import home_size
from dataflow_hub.settings import load_lab

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.security
_HOME_MIB = 64
_SCARCE = {"HOME_MIB": str(_HOME_MIB), "DISK_RESERVE_MIB": str(10**9)}  # no disk has so much: to this lab it is nearly full
_FILL = """
import itertools, pathlib
block = b"x" * (16 << 20)
for number in itertools.count():
    pathlib.Path(f"fill-{number}").write_bytes(block)
"""
_RESERVE = """
import ctypes, os, tempfile
libc = ctypes.CDLL(None, use_errno=True)
with tempfile.TemporaryFile(dir=".") as file:
    done = libc.fallocate(file.fileno(), 0, ctypes.c_long(0), ctypes.c_long(1 << 20))
    print(done, os.strerror(ctypes.get_errno()) if done else "")
"""


@pytest.fixture(scope="module", params=["bubblewrap", "docker"])
def rig(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    images = request.getfixturevalue("images") if request.param == "docker" else {}
    with pytest.MonkeyPatch.context() as patch:
        for key, value in _SCARCE.items():
            patch.setitem(os.environ, f"DATAFLOW__SANDBOX__{key}", value)
        with server_hub.running_hub(tmp_path_factory.mktemp("disk") / "state", images=images) as running:
            yield running


def fill(rig: Any) -> None:
    """Let Ana write as fast as the disk takes it, until she is stopped."""
    kernel = rig.kernel("ana")

    def write() -> None:
        with contextlib.suppress(Exception):  # the connection breaks with the server
            kernel.run(_FILL, 90)

    writing = threading.Thread(target=write)
    writing.start()
    wait_for(lambda: not rig.runs("ana"))
    writing.join()


def test_who_fills_the_disk_is_stopped_before_the_reserve_is_used_up_and_may_make_room(rig: Any) -> None:
    """Bruno goes on; Ana is told why, loses nothing, starts again and deletes."""
    rig.spawn("bruno")
    bruno = rig.kernel("bruno")
    rig.spawn("ana")
    fill(rig)
    home = rig.lab.workspace.homes / "ana"
    size, written = folder_size(home), len(list(home.glob("fill-*")))
    usual = load_lab(state=rig.lab.workspace.state, environ={}).settings.sandbox.disk_reserve_mib
    assert _HOME_MIB < size.bytes >> 20 < usual, size
    time.sleep(2)
    assert folder_size(home) == size, "something of it still writes"
    assert bruno.run("print(1)") == "1\n"
    assert "was stopped" in home_size.notice(rig.lab, "ana")

    rig.spawn("ana")
    kernel = rig.kernel("ana")
    time.sleep(5)
    assert rig.runs("ana"), "she is not let in to make room"
    assert kernel.run("import pathlib; print(len([p.unlink() for p in pathlib.Path().glob('fill-*')]))") == f"{written}\n"
    assert not home_size.measure(rig.lab, "ana")


def test_a_home_that_fills_the_disk_before_the_server_answers_is_stopped_too(rig: Any) -> None:
    """The hub stops no server that it still waits for, and what is in a home is executed before."""
    home = rig.lab.workspace.homes / "ana"
    if not rig.runs("ana"):
        rig.spawn("ana")
    code = f"import pathlib; p = pathlib.Path('.jupyter'); p.mkdir(exist_ok=True); (p / 'jupyter_server_config.py').write_text({_FILL!r})"
    assert not rig.kernel("ana").run(code)
    assert rig.hub("DELETE", "users/ana/server")[0] in (202, 204)
    wait_for(lambda: not rig.runs("ana"))
    assert rig.hub("POST", "users/ana/server")[0] in (201, 202)
    wait_for(lambda: home_size.was_stopped(rig.lab, "ana"))
    wait_for(lambda: not grows(home))
    assert folder_size(home).bytes >> 20 < 2048


def grows(home: Path) -> bool:
    before = folder_size(home)
    time.sleep(2)
    return folder_size(home) != before


def wait_for(condition: Any, seconds: float = 90) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not come true"
        time.sleep(0.2)


def test_no_room_is_taken_in_advance(rig: Any, tmp_path: Path) -> None:
    """Outside, a call reserves as much as one likes in no time; inside, one has to write."""
    outside = subprocess.run([sys.executable, "-c", _RESERVE], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert outside.stdout == "0 \n"
    if not rig.runs("bruno"):
        rig.spawn("bruno")
    assert rig.kernel("bruno").run(_RESERVE) == "-1 Operation not supported\n"
