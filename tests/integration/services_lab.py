"""A lab of its own for tests of services: free ports, a folder of its own, ended whatever happens."""

import os
import socket
import urllib.error
import urllib.request
from contextlib import contextmanager, suppress

from minio import Minio

from dataflow_hub.containers import built
from dataflow_hub.errors import LabError
from dataflow_hub.operations import lab as operations
from dataflow_hub.services import kafka
from dataflow_hub.settings import load_lab
from dataflow_hub.workspace import CHECKOUT


def free_ports(n):
    """Give the first of `n` consecutive free ports, well below those that outgoing connections use."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))  # two workers look at the same time
    for first in range(21200 + 4000 * worker + os.getpid() % 300, 24000 + 4000 * worker, n):
        with suppress(OSError):
            for port in range(first, first + n):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
            return first
    raise AssertionError("no free ports")


_CLUSTER = {"spark_master": 32, "spark_pages": 33, "spark_workers": 37}


DOCKER = {"DATAFLOW__SANDBOX__KIND": "docker", "DATAFLOW__SERVICES__BACKEND": "docker"}


def make_lab(folder, images=None, **more):
    """Give a lab in `folder` that starts nothing; all containers, made of `images`, where there are some."""
    first = free_ports(48)
    names = ("hub", "hub_api", "proxy_api", "exchange", "s3", "s3_console", "mlflow", "store_internal")
    environ = {f"DATAFLOW__PORTS__{name.upper()}": str(first + offset) for offset, name in enumerate(names)}
    environ |= {f"DATAFLOW__PORTS__{name.upper()}": str(first + offset) for name, offset in _CLUSTER.items()}
    later = ("auth_proxy", "prefect", "streamlit", "", "kafka", "kafka_controller", "formgrader")  # formgrader: one more port a course
    environ |= {f"DATAFLOW__PORTS__{name.upper()}": str(first + 16 + offset) for offset, name in enumerate(later) if name}
    shared = {"DATAFLOW_CACHE": os.environ["DATAFLOW_CACHE"]} if "DATAFLOW_CACHE" in os.environ else {}
    lab = load_lab(state=folder, environ={**environ, **shared, **(DOCKER if images else {}), **more})
    lab.workspace.prepare()
    if images:
        built.keep(lab.workspace, images)
    return lab


@contextmanager
def started(folder, *groups):
    """Give a lab whose `groups` run; only the services are started, without jars or archives."""
    lab = make_lab(folder)
    try:
        operations.start_services(lab, lambda _line: None, groups)
        yield lab
    finally:
        with suppress(LabError):
            operations.down(lab, lambda _line: None)


@contextmanager
def with_kafka(folder):
    """Give a lab whose Kafka runs; its jars are fetched once, into the cache that all tests share."""
    cache = os.environ.get("DATAFLOW_CACHE", str(CHECKOUT / ".dataflow" / "cache"))
    lab = make_lab(folder, DATAFLOW_CACHE=cache)
    kafka.install(lab, lambda _line: None)
    try:
        operations.start_services(lab, lambda _line: None, ["streaming"])
        yield lab
    finally:
        operations.down(lab, lambda _line: None)


@contextmanager
def installed(folder, *groups):
    """Give a lab whose `groups` run, with all that they need: jars are fetched once, into the cache that all tests share."""
    lab = make_lab(folder, DATAFLOW_CACHE=os.environ.get("DATAFLOW_CACHE", str(CHECKOUT / ".dataflow" / "cache")))
    operations.install(lab, lambda _line: None, groups)
    try:
        operations.start_services(lab, lambda _line: None, groups)
        yield lab
    finally:
        with suppress(LabError):
            operations.down(lab, lambda _line: None)


def s3(access, **more):
    """Give the S3 client of one student's access."""
    address = access.endpoint.removeprefix("http://")
    return Minio(address, access.access_key, access.secret_key, secure=False, region="us-east-1", **more)


def status_of(url, *, login=None):
    """Give the status of a GET, with a login sent from the start when there is one."""
    passwords = urllib.request.HTTPPasswordMgrWithPriorAuth()
    if login is not None:
        passwords.add_password(None, url, login.username, login.password, is_authenticated=True)
    try:
        opener = urllib.request.build_opener(urllib.request.HTTPBasicAuthHandler(passwords))
        return opener.open(url, timeout=10).status
    except urllib.error.HTTPError as error:
        return error.code
