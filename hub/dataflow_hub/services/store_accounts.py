"""The lab's own accounts in the object store beside MLflow's: each opens what one service needs, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass

from dataflow_hub.secrets import secret
from dataflow_hub.settings import Lab


@dataclass(frozen=True)
class StoreAccount:
    """A service's account: the buckets that it reads, and those that it reads and writes."""

    name: str
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()

    @property
    def secret_name(self) -> str:
        """The secret that is its key."""
        return f"store-{self.name}-key"

    @property
    def actions(self) -> list[str]:
        """What it may do, in the store's words."""
        reading = [f"{action}:{bucket}" for bucket in self.reads for action in ("Read", "List")]
        return reading + [f"{action}:{bucket}" for bucket in self.writes for action in ("Read", "Write", "List", "Tagging")]


FLOWS = StoreAccount("flows", reads=("bronze",), writes=("silver",))
LIVE = StoreAccount("live", writes=("gold",))
DASHBOARDS = StoreAccount("dashboards", reads=("gold",))
ACCOUNTS = (FLOWS, LIVE, DASHBOARDS)


def credentials(lab: Lab, account: StoreAccount) -> tuple[str, str]:
    """Give an account's access key and secret key."""
    return account.name, secret(lab.workspace, account.secret_name)


def delta_options(lab: Lab, account: StoreAccount) -> dict[str, str]:
    """Give the storage options with which delta-rs reads and writes as this account."""
    access_key, secret_key = credentials(lab, account)
    return {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{lab.settings.ports.s3}",
        "AWS_ACCESS_KEY_ID": access_key,
        "AWS_SECRET_ACCESS_KEY": secret_key,
        "AWS_REGION": "us-east-1",
        "AWS_ALLOW_HTTP": "true",
        "AWS_CONDITIONAL_PUT": "etag",  # a commit that loses the race is refused by the store
    }
