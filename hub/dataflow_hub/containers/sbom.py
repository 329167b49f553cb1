"""What is in an image: a bill of materials in CycloneDX, read from the image itself and not from what was meant to be in it."""

from __future__ import annotations

import json
from typing import Any

from dataflow_hub.containers.engine import connect
from dataflow_hub.errors import ServiceError

_SECONDS = 120
# Runs inside the image, with its own Python: packages of Python and of Debian, and every jar by its checksum.
_LOOK = """
import hashlib, json, pathlib, subprocess, sys
from importlib.metadata import distributions
found = [{"kind": "pypi", "name": each.metadata["Name"], "version": each.version} for each in distributions()]
asked = ["dpkg-query", "-W", "-f", "${Package} ${Version}\\n"]
for line in subprocess.run(asked, capture_output=True, text=True, check=True).stdout.splitlines():
    name, version = line.split()
    found.append({"kind": "deb", "name": name, "version": version})
for path in sorted(pathlib.Path("/opt").rglob("*.jar")):
    found.append({"kind": "jar", "name": path.stem, "version": "", "sha256": hashlib.sha256(path.read_bytes()).hexdigest()})
sys.stdout.write(json.dumps(found))
"""


def bill_of_materials(tag: str) -> dict[str, Any]:
    """Give a CycloneDX 1.5 document of the image `tag`, its components sorted by kind and name.

    Raises
    ------
    LabError
        There is no engine, or the image cannot be run.
    """
    import docker

    client = connect()
    try:
        host = client.create_host_config(network_mode="none", cap_drop=["ALL"], security_opt=["no-new-privileges:true"], read_only=True)
        made = client.create_container(tag, ["/usr/bin/env", "python3", "-c", _LOOK], host_config=host)["Id"]
        try:
            client.start(made)
            status = client.wait(made, timeout=_SECONDS)["StatusCode"]
            said = client.logs(made, stdout=True, stderr=bool(status)).decode()
        finally:
            client.remove_container(made, force=True)
    except docker.errors.APIError as error:
        raise ServiceError(f"The image {tag} could not be looked into.", why=str(error), fix="./lab images build") from error
    finally:
        client.close()
    if status:
        raise ServiceError(f"The image {tag} could not be looked into.", why=said[-800:])
    rows = sorted(json.loads(said), key=lambda row: (row["kind"], row["name"].lower(), row["version"]))
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": {"type": "container", "name": tag.partition(":")[0], "version": tag.partition(":")[2]}},
        "components": [_component(row) for row in rows],
    }


def _component(row: dict[str, str]) -> dict[str, Any]:
    if row["kind"] == "jar":
        return {"type": "library", "name": row["name"], "hashes": [{"alg": "SHA-256", "content": row["sha256"]}]}
    place = "deb/debian" if row["kind"] == "deb" else "pypi"
    name = row["name"] if row["kind"] == "deb" else row["name"].lower().replace("_", "-")
    return {"type": "library", "name": row["name"], "version": row["version"], "purl": f"pkg:{place}/{name}@{row['version']}"}
