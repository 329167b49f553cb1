"""`s3`: the object store through the MinIO SDK, with the student's own key."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from dataflow_kernels.environ import RESTART, LabEnv, variable
from dataflow_kernels.errors import CredentialsRefused, EnvironmentMissing, KernelError

if TYPE_CHECKING:
    from minio import Minio

REFUSALS = ("InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken")


def connect(env: LabEnv) -> Minio:
    """Give a client of the object store.

    Raises
    ------
    EnvironmentMissing
        No store or no key was given to this kernel; the variables are named.
    """
    missing = [variable(name) for name in ("s3_endpoint", "s3_access_key", "s3_secret_key") if not getattr(env, name)]
    if missing:
        why = f"The lake is {env.lake_root}: no object store belongs to this run." if not env.live else "This kernel got no key."
        raise EnvironmentMissing(f"`s3` needs {', '.join(missing)}.", why=why, fix=RESTART if env.live else "Use `lake` instead.")
    from minio import Minio

    address = urlsplit(env.s3_endpoint)
    secure = address.scheme == "https"
    return Minio(endpoint=address.netloc, access_key=env.s3_access_key, secret_key=env.s3_secret_key, secure=secure, region="us-east-1")


@contextmanager
def explain(env: LabEnv) -> Iterator[None]:
    """Turn the store's refusals into what a student can act on.

    Raises
    ------
    CredentialsRefused
        The key is unknown or revoked.
    KernelError
        The key may not do this, or the store does not answer.
    """
    from minio.error import S3Error
    from urllib3.exceptions import HTTPError

    try:
        yield
    except S3Error as error:
        if error.code in REFUSALS:
            raise refused(env, str(error.code)) from error
        if error.code == "AccessDenied":
            place = "/".join(part for part in (error.bucket_name, error.object_name) if part)
            raise KernelError(
                f"Your key may not do this in {place}.", why="You write in your own bucket only.", fix=f"Use {env.lake_root}."
            ) from error
        raise
    except HTTPError as error:
        raise KernelError(
            f"The object store at {env.s3_endpoint} does not answer.",
            why=str(error),
            fix="Wait a moment and run the cell again; then tell your instructor.",
        ) from error


def diagnose(env: LabEnv) -> KernelError:
    """Tell why the store answered 403: is the key unknown, or was it only the wrong place? S3 does not say for every request."""
    try:
        with explain(env):
            next(iter(connect(env).list_objects(urlsplit(env.lake_root).netloc)), None)
    except KernelError as error:
        return error
    return KernelError(
        "Your key may not do this there.",
        why="You read the shared buckets, and write in your own only.",
        fix=f"Write under {env.lake_root}: lake.path(…).",
    )


def refused(env: LabEnv, code: str) -> CredentialsRefused:
    """Give the error for a key that the store does not know any more."""
    return CredentialsRefused(
        f"The object store at {env.s3_endpoint} refused your key {env.s3_access_key[:4]}….",
        why=f"It was revoked or replaced since this kernel started ({code}).",
        fix=RESTART,
    )
