"""What a hostile student tries from inside a container, each beside a container with Docker's own settings, where it succeeds."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.security

REACH = """
import socket
def reach(family, address):
    with socket.socket(family) as s:
        s.settimeout(3)
        try:
            s.connect(address)
        except OSError as error:
            return type(error).__name__
        return 'reached'
"""
DOORS = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
calls = {
    'unshare': lambda: libc.unshare(0x10000000), 'mount': lambda: libc.mount(b'x', b'/tmp', b'tmpfs', 0, 0),
    'keyctl': lambda: libc.syscall(250, 0, -3, 0), 'bpf': lambda: libc.syscall(321, 0, 0, 0), 'io_uring': lambda: libc.syscall(425, 1, 0),
    'setuid': lambda: libc.setuid(0), 'chroot': lambda: libc.chroot(b'/tmp'),
}
print([line.split()[1] for line in open('/proc/self/status') if line.startswith(('CapEff', 'CapBnd', 'NoNewPrivs'))])
print([path for path in ('/var/run/docker.sock', '/run/docker.sock', '/run/containerd') if os.path.exists(path)])
print([name for name, call in calls.items() if call() != -1])
"""


@pytest.fixture(scope="module")
def nina(class_in_containers):
    return class_in_containers.nina


@pytest.fixture(scope="module")
def plain(images):
    """Give a way to run Python in a container of the same image, as `docker run` makes one."""
    import docker

    client = docker.from_env()
    yield lambda code: client.containers.run(images["lessons"], ["/opt/lab/bin/python", "-c", code], user="0", remove=True).decode()
    client.close()


def test_there_is_no_network(nina, plain):
    """Neither the host, a neighbour, a name server, the metadata address nor the internet: not even a route (A5)."""
    code = f"""{REACH}
from pathlib import Path
places = [('169.254.169.254', 80), ('172.17.0.1', 22), ('172.17.0.2', 8888), ('1.1.1.1', 53), ('8.8.8.8', 443)]
print({{reach(socket.AF_INET, place) for place in places}} & {{'reached', 'TimeoutError', 'ConnectionRefusedError'}})
print(reach(socket.AF_INET6, ('fe80::1', 80)) == 'reached', len(Path('/proc/net/route').read_text().splitlines()))
print(sorted(p.name for p in Path('/sys/class/net').iterdir()))
"""
    assert nina.run(code, 60).splitlines() == ["set()", "False 1", "['lo']"]
    assert "eth0" in plain(code)


def test_of_the_lab_only_the_named_services_answer(class_in_containers, nina):
    """Hub API, exchange, object store and MLflow are on the container's loopback; the proxy's API, the console and formgrader are not."""
    ports = class_in_containers.lab.settings.ports
    offered = [ports.hub_api, ports.exchange, ports.s3, ports.mlflow]
    others = [ports.hub, ports.proxy_api, ports.s3_console, ports.formgrader, ports.store_internal, ports.auth_proxy, ports.prefect]
    found = nina.run(f"{REACH}\nprint(*[reach(socket.AF_INET, ('127.0.0.1', port)) for port in {offered + others}])", 60)
    assert found.split() == ["reached"] * len(offered) + ["ConnectionRefusedError"] * len(others)


def test_the_kernels_doors_are_closed(nina, plain):
    """No namespace, mount, keyring, io_uring, setuid, chroot; no capability; no way to gain one; no socket of the engine (A16)."""
    assert nina.run(DOORS).splitlines() == ["['0000000000000000', '0000000000000000', '1']", "[]", "[]"]
    assert "chroot" in plain(DOORS)


def test_only_home_and_memory_can_be_written(nina):
    """The image's files, the lab's sockets and the mounted settings stay as they are (A7)."""
    code = """
import os
from pathlib import Path
for place in ('/opt/lab', '/opt/dataflow/kernels', '/etc', '/etc/jupyter', '/run/lab/services', '/usr/bin', '/var/tmp', '/root'):
    try:
        (Path(place) / 'planted').write_text('x'); print('wrote', place)
    except OSError as error:
        pass
Path.home().joinpath('mine').write_text('x'); Path('/tmp/mine').write_text('x')
print(os.access('/run/lab/filter', os.W_OK), os.access('/etc/passwd', os.W_OK))
"""
    assert nina.run(code) == "False False\n"


def test_a_jvm_call_ends_only_ones_own(class_in_containers):
    """Ending the JVM from SQL, or reading a file of the host by it, touches nobody else (A14)."""
    otto, nina = (class_in_containers.rig.kernel(user, "spark-delta") for user in ("otto", "nina"))
    assert otto.run("spark.range(3).count(); print(spark.range(3).count())", 180).endswith("3\n")
    state = class_in_containers.lab.workspace.state
    assert "PATH_NOT_FOUND" in nina.run(f"spark.read.text('file://{state}/secrets/store-root-key').show()", 180)
    nina.run("spark.sql(\"select java_method('java.lang.System', 'exit', 0)\").collect()", 120)
    assert otto.run("print(spark.range(3).count())", 60) == "3\n"


def test_a_hog_is_stopped_and_nobody_else(class_in_containers):
    """Processes and memory are counted for the container: at the limit its own calls fail, and the neighbour notices nothing (F9)."""
    hog = class_in_containers.rig.kernel("nina")
    bomb = """
import os, signal, time
children = []
try:
    while len(children) < 5000:
        child = os.fork()
        if child == 0:
            time.sleep(60); os._exit(0)
        children.append(child)
except OSError:
    pass
for child in children: os.kill(child, signal.SIGKILL); os.waitpid(child, 0)
print(0 < len(children) < 5000)
"""
    assert hog.run(bomb, 120) == "True\n"
    assert class_in_containers.otto.run("print(1)") == "1\n"
