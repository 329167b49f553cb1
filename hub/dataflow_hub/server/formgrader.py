"""nbgrader's formgrader: one page a course behind the hub's login, open to that course's graders only.

`python -m dataflow_hub.server.formgrader` keeps one server a course, starts another when a course appears, and tells the hub of it;
with a course's name it becomes that course's server.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dataflow_hub import secrets
from dataflow_hub.logs import configure_logging, get_logger
from dataflow_hub.server import ports, roles
from dataflow_hub.settings import load_lab

if TYPE_CHECKING:
    from dataflow_hub.settings import Lab

_CONFIG = Path(__file__).with_name("formgrader_server.py")
_LOOK_SECONDS = 5.0
_TIMEOUT_SECONDS = 5
_log = get_logger("formgrader")


def keep(lab: Lab) -> None:
    """Keep a formgrader running for each course, until this process is ended."""
    running: dict[str, subprocess.Popen[bytes]] = {}
    configured: dict[str, int] = {}
    told: set[str] = set()
    while True:
        for course in ports.courses(lab):
            child = running.get(course)
            if child is not None and _configured(lab, course) != configured[course]:
                child.terminate()  # nbgrader reads its configuration once, and a first release writes it
                child.wait()
            if child is None or child.poll() is not None:
                configured[course] = _configured(lab, course)
                _log.info("formgrader starts", course=course, ended=None if child is None else child.returncode)
                running[course] = _start(lab, course)
            if course not in told and _tell_hub(lab, course):
                told.add(course)
        time.sleep(_LOOK_SECONDS)


def serve(lab: Lab, course: str) -> None:
    """Become the formgrader of `course`."""
    folder = lab.workspace.grading / course
    folder.mkdir(parents=True, exist_ok=True)
    os.environ.update(variables(lab, course))
    os.chdir(folder)
    from jupyterhub.singleuser import main as single_user

    sys.argv = ["formgrader", f"--config={_CONFIG}", f"--ServerApp.root_dir={folder}"]
    single_user()


def variables(lab: Lab, course: str) -> dict[str, str]:
    """Give what a course's server is told of the hub, as the hub would tell a service that it had started itself."""
    service = roles.formgrader_service(lab, course)
    name, prefix = service["name"], f"/services/{service['name']}/"
    own = lab.workspace.run / "formgrader" / course
    return {
        "JUPYTERHUB_SERVICE_NAME": name,
        "JUPYTERHUB_SERVICE_PREFIX": prefix,
        "JUPYTERHUB_SERVICE_URL": service["url"],
        "JUPYTERHUB_API_TOKEN": service["api_token"],
        "JUPYTERHUB_API_URL": f"http://127.0.0.1:{lab.settings.ports.hub_api}/hub/api",
        "JUPYTERHUB_BASE_URL": "/",
        "JUPYTERHUB_CLIENT_ID": f"service-{name}",
        "JUPYTERHUB_OAUTH_CALLBACK_URL": f"{prefix}oauth_callback",
        "JUPYTERHUB_OAUTH_ACCESS_SCOPES": json.dumps([f"access:services!service={name}"]),
        "JUPYTERHUB_OAUTH_SCOPES": json.dumps([f"access:services!service={name}"]),
        "JUPYTERHUB_USER": name,
        "JUPYTER_CONFIG_DIR": str(own / "config"),
        "JUPYTER_DATA_DIR": str(own / "data"),
        "JUPYTER_RUNTIME_DIR": str(own / "runtime"),
        "DATAFLOW_STATE": str(lab.workspace.state),
        "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",  # nbgrader calls alembic by its bare name
    }


def main() -> None:
    """Keep all, or serve one."""
    configure_logging()
    lab = load_lab()
    if len(sys.argv) > 1:
        serve(lab, sys.argv[1])
    else:
        keep(lab)


def _configured(lab: Lab, course: str) -> int:
    """Give a mark of the course's configuration, which changes when its text does; 0 when there is none."""
    path = lab.workspace.grading / course / "nbgrader_config.py"
    return zlib.crc32(path.read_bytes()) if path.exists() else 0


def _start(lab: Lab, course: str) -> subprocess.Popen[bytes]:
    parent_death = ["setpriv", "--pdeathsig", "TERM"]  # nothing is left behind when the keeper is killed
    return subprocess.Popen([*parent_death, sys.executable, "-m", "dataflow_hub.server.formgrader", course], cwd=lab.workspace.run)


def _tell_hub(lab: Lab, course: str) -> bool:
    """Add the course's service to a hub that was started before the course was; tell whether the hub knows it now."""
    service = roles.formgrader_service(lab, course)
    request: dict[str, Any] = {key: service[key] for key in ("url", "api_token", "oauth_no_confirm", "display")}
    try:
        _ask_hub(lab, "GET", f"services/{service['name']}")
    except urllib.error.HTTPError as error:
        if error.code != 404:  # noqa: PLR2004
            return False
    except OSError:
        return False
    else:
        return True
    try:
        _ask_hub(lab, "POST", f"services/{service['name']}", request)
    except OSError as error:
        _log.warning("the hub did not take the course's formgrader", course=course, reason=str(error))
        return False
    return True


def _ask_hub(lab: Lab, method: str, path: str, body: dict[str, Any] | None = None) -> bytes:
    request = urllib.request.Request(
        f"http://127.0.0.1:{lab.settings.ports.hub_api}/hub/api/{path}",
        method=method,
        data=json.dumps(body).encode() if body else None,
        headers={"Authorization": f"token {secrets.secret(lab.workspace, 'hub-admin-token')}"},
    )
    with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as reply:  # noqa: S310 - the hub's own loopback address
        return bytes(reply.read())


if __name__ == "__main__":
    main()
