"""JupyterHub's configuration as functions: each sets its own traits on a bare `Config`, and none appends to another's."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from traitlets.config import Config

    from dataflow_hub.settings import Lab


def require_isolation(lab: Lab) -> None:
    """Prove that students' servers can be kept apart here: that a sandbox can be made, or that their image was built.

    Raises
    ------
    LabError
        They cannot.
    """
    from dataflow_hub.containers.built import image
    from dataflow_hub.sandbox import available

    if lab.settings.sandbox.kind == "docker":
        image(lab.workspace, "lessons")
    else:
        available(lab.workspace)


def configure(c: Config, lab: Lab) -> None:
    """Set every trait of the hub for `lab`.

    Raises
    ------
    SettingsError
        An option of the chosen authenticator that it does not have.
    """
    from dataflow_hub.server import auth, front, pages, proxy, roles, spawner

    for part in (front, proxy, auth, roles, spawner, pages):
        part.configure(c, lab)
