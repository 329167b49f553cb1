"""What a hostile student tries from inside a box, each beside an unprotected baseline where it succeeds."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time

import pytest

from dataflow_hub.sandbox import Box, Limits, run, runtime_mounts
from dataflow_hub.settings import load_lab

pytestmark = pytest.mark.security
LIMITS = Limits(memory_mib=256, cpu_cores=1.0, processes=40, open_files=128, file_mib=8)


def _python(code: str, seconds: float = 30, *, network: bool = False) -> tuple[int, str]:
    workspace = load_lab(environ={}).workspace
    box = Box("attack", {}, LIMITS, read_only=runtime_mounts(workspace), uid=61_502, working_directory="/tmp", network=network)
    finished = run(box, [sys.executable, "-c", code], timeout_seconds=seconds)
    return finished.exit_code, (finished.stdout + finished.stderr).decode()


def _baseline(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False).stdout


def test_a_box_without_network_is_heard_by_nobody() -> None:
    """Not over loopback, IPv6 or an abstract socket; the same code outside is heard on each."""
    heard: list[str] = []
    listeners = {
        "tcp": (socket.AF_INET, ("127.0.0.1", 0)),
        "tcp6": (socket.AF_INET6, ("::1", 0)),
        "abstract": (socket.AF_UNIX, f"\0attack-{os.getpid()}"),
    }
    tries = []
    for name, (family, address) in listeners.items():
        listener = socket.socket(family)
        listener.bind(address)
        listener.listen()
        threading.Thread(target=_listen, args=(listener, name, heard), daemon=True).start()
        tries.append((int(family), listener.getsockname()))
    code = f"""
import socket
for family, address in {tries!r}:
    try:
        s = socket.socket(family); s.settimeout(2); s.connect(address if not isinstance(address, bytes) else address); s.sendall(b'x')
    except OSError as error:
        print(error)
"""
    _python(code)
    time.sleep(0.3)
    assert heard == []
    _baseline(code)
    _until(lambda: sorted(heard) == ["abstract", "tcp", "tcp6"])


def _listen(listener: socket.socket, name: str, heard: list[str]) -> None:
    with listener:
        connection, _ = listener.accept()
        with connection:
            heard.append(name)


def test_sockets_to_the_machine_below_are_closed() -> None:
    """VSOCK and kernel sockets are no part of a network namespace: the filter refuses the families."""
    code = """
import socket
for family in (40, 38, 17, 31):
    try:
        socket.socket(family, socket.SOCK_STREAM if family == 40 else socket.SOCK_RAW); print(family, 'open')
    except OSError as error:
        print(family, error.errno)
"""
    _, out = _python(code, network=True)
    assert "open" not in out


def test_the_kernels_doors_are_closed() -> None:
    """No user namespace, mount, keyring, trace of another, setuid gain, nor capability."""
    code = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
for name, call in {
    'unshare': lambda: libc.unshare(0x10000000), 'mount': lambda: libc.mount(b'x', b'/tmp', b'tmpfs', 0, 0),
    'keyctl': lambda: libc.syscall(250, 0, -3, 0), 'bpf': lambda: libc.syscall(321, 0, 0, 0), 'clone3': lambda: libc.syscall(435, 0, 0),
    'io_uring': lambda: libc.syscall(425, 1, 0), 'setuid': lambda: libc.setuid(0), 'chroot': lambda: libc.chroot(b'/tmp'),
}.items():
    print(name, call())
print('caps', [line.split()[1] for line in open('/proc/self/status') if line.startswith(('CapEff', 'CapBnd'))])
print('docker', os.path.exists('/var/run/docker.sock'), 'shadow', os.path.exists('/etc/shadow'))
"""
    _, out = _python(code)
    lines = out.splitlines()
    assert [line.split()[1] for line in lines[:8]] == ["-1"] * 8
    assert lines[8] == "caps ['0000000000000000', '0000000000000000']"
    assert lines[9] == "docker False shadow False"


def test_no_descriptor_leaks_in() -> None:
    """A box starts with its three streams and nothing else of its maker's."""
    _, out = _python("import os; print(sorted(int(fd) for fd in os.listdir('/proc/self/fd'))[:4])")
    assert out.startswith("[0, 1, 2, 3]")
    assert "3" in _python("import os\ntry:\n    os.fstat(3); print('open')\nexcept OSError: print('3 closed')")[1]


def test_a_memory_hog_is_stopped_and_nobody_else() -> None:
    """Beyond its limit the hog dies; the same allocation outside the box succeeds."""
    code = "x = bytearray(500 << 20); x[::4096] = b'1' * len(x[::4096]); print('had it')"
    status, out = _python(code)
    assert status != 0
    assert "had it" not in out
    assert _baseline(code) == "had it\n"


def test_a_fork_bomb_stays_small() -> None:
    """Processes are counted; at the limit fork fails, and the time limit clears all of it."""
    code = """
import os, time
count = 0
try:
    while count < 500:
        if os.fork() == 0:
            time.sleep(30); os._exit(0)
        count += 1
except OSError as error:
    print('refused', flush=True)
print(count, flush=True); os._exit(0)
"""
    _, out = _python(code, seconds=10)
    assert out.startswith("refused")
    assert int(out.split()[1]) <= LIMITS.processes


def test_files_shared_memory_and_descriptors_run_out_for_the_box_alone() -> None:
    """Each has a limit of its own."""
    code = """
import os
def fill(path, mib):
    try:
        with open(path, 'wb') as f:
            for _ in range(mib): f.write(b'x' * (1 << 20)); f.flush()
        return 'filled'
    except OSError as error:
        return error.errno
import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
print('file', fill('/tmp/big', 64))
os.unlink('/tmp/big')
kept = []
try:
    for _ in range(1000): kept.append(open('/dev/null'))
except OSError as error:
    print('fds', error.errno)
"""
    _, out = _python(code)
    assert "file 27" in out
    assert "fds 24" in out


def _until(condition: object, seconds: float = 5) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.05)
