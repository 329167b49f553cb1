"""The hub's pages: templates, texts by account, and the tiles of the home page by role."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dataflow_hub.roster import open_roster
from dataflow_hub.server import home_size
from dataflow_hub.server.service_pages import PAGES, ServicePage
from dataflow_hub.server.spawn_profiles import PROFILES, QUERY
from dataflow_hub.server.texts import Texts, account_language
from dataflow_hub.services.health import Probe

if TYPE_CHECKING:
    from traitlets.config import Config

    from dataflow_hub.settings import Lab

TEMPLATES = Path(__file__).parents[2] / "templates"
ASSETS = TEMPLATES / "assets"


@dataclass(frozen=True)
class Tile:
    """One thing to open from the home page. `title` and `text` are keys of the texts; `course` fills the place in them."""

    title: str
    text: str
    address: str
    icon: str
    course: str = ""
    new_tab: bool = True


def configure(c: Config, lab: Lab) -> None:
    """Set the templates and what they are given: each is called with the hub's user for every page."""
    c.JupyterHub.template_paths = [str(TEMPLATES)]
    c.JupyterHub.template_vars = {
        "t": lambda user: Texts(_language(lab, user)),
        "language": lambda user: _language(lab, user),
        "tiles": lambda user: tiles(lab, user.name) if user else [],
        "large_home": lambda user: home_size.notice(lab, user.name, _language(lab, user)) if user else "",
        "sizes": lambda user: sizes(lab, _language(lab, user)),
        "full_name": lambda user: _full_name(lab, user),
        "has_password": lambda _: lab.settings.auth.kind == "roster",
        "here": "",
    }


def sizes(lab: Lab, language: str) -> list[dict[str, str]]:
    """Give what the home page says of each size of server: its name, the query that starts it, memory in GB, processors."""
    found = []
    for profile in PROFILES:
        limits = profile.limits(lab.settings.sandbox)
        memory, cores = (
            f"{number:.2g}".replace(".", "," if language == "pt-BR" else ".") for number in (limits.memory_mib / 1024, limits.cpu_cores)
        )
        found.append({"name": profile.name, "query": f"{QUERY}={profile.name}", "memory": memory, "cores": cores})
    return found


def tiles(lab: Lab, name: str) -> list[Tile]:
    """Give what the person called `name` may open."""
    roster = open_roster(lab)
    found = [
        Tile("tile_lab", "tile_lab_text", f"/user/{name}/lab", "lab", new_tab=False),
        Tile("tile_tour", "tile_tour_text", f"/user/{name}/lab/tree/tour", "tour", new_tab=False),
    ]
    ports = lab.settings.ports
    found += [
        Tile("tile_formgrader", "tile_formgrader_text", f"/services/formgrader-{course}/formgrader", "grade", course=course)
        for course, role in roster.roles(name).items()
        if role != "student"
    ]
    found += [Tile("tile_mlflow", "tile_mlflow_text", f"http://127.0.0.1:{ports.mlflow}/", "mlflow")]
    is_staff = roster.is_admin(name) or any(role != "student" for role in roster.roles(name).values())
    found += [
        Tile(f"tile_{page.name}", f"tile_{page.name}_text", f"{page.prefix}/", page.name)
        for page in PAGES
        if (is_staff or not page.staff_only) and is_up(lab, page)
    ]
    if roster.is_admin(name):
        found += [
            Tile("tile_store", "tile_store_text", f"http://127.0.0.1:{ports.s3_console}/", "store"),
            Tile("tile_admin", "tile_admin_text", "/hub/admin", "admin", new_tab=False),
        ]
    return found


def is_up(lab: Lab, page: ServicePage) -> bool:
    """Tell whether a page's service and the login proxy listen: most labs run without them, and no tile is to lead nowhere."""
    return all(Probe(port)(lab).ok for port in ("auth_proxy", page.port))


def _language(lab: Lab, user: Any) -> str:
    return account_language(lab, user.name) if user else lab.settings.hub.language


def _full_name(lab: Lab, user: Any) -> str:
    roster = open_roster(lab)
    return roster.full_name(user.name) if user and roster.exists(user.name) else getattr(user, "name", "")
