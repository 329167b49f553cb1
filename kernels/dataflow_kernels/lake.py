"""`lake`: where the student's own tables are, the same name whether the lake is the object store or a folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from dataflow_kernels.environ import LabEnv
from dataflow_kernels.errors import KernelError
from dataflow_kernels.s3 import connect, explain

if TYPE_CHECKING:
    from deltalake import DeltaTable

_SHARED = ("bronze", "silver", "gold")


class Lake:
    """The student's lake, under one root URI."""

    def __init__(self, env: LabEnv) -> None:
        self._env = env

    def __repr__(self) -> str:
        return f"Lake({self.root!r})"

    @property
    def root(self) -> str:
        """The URI under which everything of the student's is, without a slash at its end."""
        return self._env.lake_root.rstrip("/")

    def path(self, *parts: str) -> str:
        """Give the URI of a table or folder: `lake.path("bronze", "pedidos")`.

        Raises
        ------
        KernelError
            A part is empty, absolute or climbs out with `..`.
        """
        return "/".join([self.root, *_clean(parts)])

    def landing(self, lesson: str) -> str:
        """Give the URI of the folder that holds the lesson's landed files."""
        return self.path("landing", lesson)

    def shared(self, layer: str, *parts: str) -> str:
        """Give the URI of the class's shared table in `bronze`, `silver` or `gold`; students read it and cannot write."""
        if layer not in _SHARED:
            raise KernelError(f"There is no shared layer {layer!r}.", fix="Use bronze, silver or gold.")
        base = f"s3a://{layer}" if self._env.live else f"{self.root}/shared/{layer}"
        return "/".join([base, *_clean(parts)])

    def files(self, path: str) -> list[str]:
        """Give the names directly in a folder, sorted; folders end with `/`. An absent folder is an empty list."""
        if urlsplit(path).scheme in {"s3a", "s3"}:
            return self._store_files(path)
        folder = local_path(path)
        if not folder.is_dir():
            return []
        return sorted(each.name + ("/" if each.is_dir() else "") for each in folder.iterdir())

    def read(self, path: str) -> bytes:
        """Give the content of one file."""
        from deltalake.fs import DeltaStorageHandler
        from pyarrow.fs import PyFileSystem

        folder, _, name = path.rpartition("/")
        with PyFileSystem(DeltaStorageHandler(folder, self.storage_options or None)).open_input_file(name) as file:
            return bytes(file.read())

    @property
    def storage_options(self) -> dict[str, str]:
        """Give what delta-rs (and whoever takes its options) needs to reach the lake; nothing for a folder."""
        if not self._env.live:
            return {}
        return {
            "AWS_ENDPOINT_URL": self._env.s3_endpoint,
            "AWS_ACCESS_KEY_ID": self._env.s3_access_key,
            "AWS_SECRET_ACCESS_KEY": self._env.s3_secret_key,
            "AWS_REGION": "us-east-1",
            "AWS_ALLOW_HTTP": str(self._env.s3_endpoint.startswith("http://")).lower(),
            "AWS_CONDITIONAL_PUT": "etag",  # a commit that loses the race is refused by the store
        }

    def table(self, path: str) -> DeltaTable:
        """Open a Delta table without Spark: `.to_pandas()`, `.history()`, or `duckdb.from_arrow(t.to_pyarrow_dataset())`."""
        from deltalake import DeltaTable

        return DeltaTable(path, storage_options=self.storage_options or None)

    def _store_files(self, path: str) -> list[str]:
        parts = urlsplit(path)
        prefix = parts.path.strip("/") + "/" if parts.path.strip("/") else ""
        with explain(self._env):
            found = connect(self._env).list_objects(parts.netloc, prefix=prefix)
            return sorted(str(each.object_name)[len(prefix) :] for each in found)


def local_path(uri: str) -> Path:
    """Give the folder of a `file:` URI (or of a plain path)."""
    parts = urlsplit(uri)
    return Path(unquote(parts.path)) if parts.scheme == "file" else Path(uri)


def _clean(parts: tuple[str, ...]) -> list[str]:
    names = [name for part in parts for name in part.strip("/").split("/")]
    if any(name in {"", ".", ".."} for name in names):
        raise KernelError(f"{'/'.join(parts)!r} is no place in the lake.", fix="Give plain names, as in lake.path('bronze', 'pedidos').")
    return names
