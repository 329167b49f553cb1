"""People: who is in a course, with which role; invites; what goes with an account when it leaves."""

from __future__ import annotations

import csv
import io
import json
import shutil
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dataflow_hub import secrets
from dataflow_hub.errors import RosterError
from dataflow_hub.roster import LANGUAGES, ROLES, Member, check_course, check_member, open_roster
from dataflow_hub.server import accounts

if TYPE_CHECKING:
    from pathlib import Path

    from dataflow_hub.settings import Lab

ADMIN = "admin"
_COLUMNS = ("username", "name", "role", "language")
_MOST_BYTES = 5 << 20
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_TIMEOUT_SECONDS = 10


@dataclass(frozen=True)
class Invite:
    """A person and the one-time link with which they set a password."""

    user: str
    url: str


def add(lab: Lab, course: str, user: str, name: str, role: str, language: str) -> bool:  # noqa: PLR0913, PLR0917 - a row of the roster
    """Put a person into a course; tell whether the account was made."""
    return open_roster(lab).add(user, name, course, role, language)


def import_csv(lab: Lab, course: str, file: Path) -> list[Invite]:
    """Read a class from a CSV file (username, name, role, language); give an invite for each person without a password.

    All of it or nothing: with one wrong line nobody is added. Links of an earlier import, into this course or another, stay good.

    Raises
    ------
    RosterError
        Naming every line that is wrong, and why.
    """
    check_course(course)
    rows = _read(file, default_language=lab.settings.hub.language)
    roster = open_roster(lab)
    for row in rows:
        roster.add(row.user, row.full_name, course, row.role, row.language)
    return [Invite(row.user, invite(lab, row.user, keep_earlier=True)) for row in rows if not roster.has_password(row.user)]


def members(lab: Lab, course: str) -> list[Member]:
    """Give a course's members."""
    return open_roster(lab).members(course)


def invite(lab: Lab, user: str, *, keep_earlier: bool = False) -> str:
    """Give a fresh one-time link for `user`; links given earlier stop working, unless `keep_earlier`."""
    return _link(lab, open_roster(lab).invite(user, hours=lab.settings.hub.invite_hours, keep_earlier=keep_earlier))


def admin_link(lab: Lab) -> str | None:
    """Give a one-time link for the first administrator, or None once one has set a password."""
    roster = open_roster(lab)
    if any(roster.has_password(user) for user in roster.admins()):
        return None
    roster.add_admin(ADMIN, "Administrator", lab.settings.hub.language)
    return invite(lab, ADMIN)


def set_role(lab: Lab, course: str, user: str, role: str) -> None:
    """Change a role. The hub takes it over within seconds, without a restart."""
    open_roster(lab).set_role(course, user, role)


def remove(lab: Lab, course: str, user: str) -> None:
    """Take a person out of a course. With the last course go the account, its server and its credentials; the home is kept aside.

    Raises
    ------
    RosterError
        A credential could not be taken away: the account is gone all the same, so run it again when the service is back.
    """
    roster = open_roster(lab)
    if roster.exists(user) and not roster.remove(user, course):
        return
    _delete_from_hub(lab, user)
    failed = accounts.revoke(lab, user)
    _set_aside(lab, user)
    if failed:
        fix = "Remove it again once that service is up."
        raise RosterError(f"{user} was removed, but not everywhere.", why="; ".join(failed), fix=fix)


def _read(file: Path, *, default_language: str) -> list[Member]:
    if file.stat().st_size > _MOST_BYTES:
        raise RosterError(f"{file} is too large for a class list.")
    text = file.read_text(encoding="utf-8-sig")
    reader = csv.DictReader(io.StringIO(text, newline=""), dialect=_dialect(text))
    missing = [column for column in _COLUMNS[:3] if column not in (reader.fieldnames or [])]
    if missing:
        raise RosterError(f"{file} lacks the column {', '.join(missing)}.", fix=f"The first line names the columns: {','.join(_COLUMNS)}")
    rows: list[Member] = []
    problems: list[str] = []
    seen: set[str] = set()
    for number, row in enumerate(reader, start=2):
        cells = {name: (value or "").strip() for name, value in row.items() if name in _COLUMNS}
        member = Member(cells["username"].lower(), cells["name"], cells["role"] or ROLES[0], cells.get("language") or default_language)
        problem = _problem(member, extra=None in row, seen=seen)
        seen.add(member.user)
        problems += [f"line {number}: {problem}"] if problem else []
        rows.append(member)
    if problems:
        what = f"{file} was not imported: {len(problems)} wrong."
        raise RosterError(what, why="\n".join(problems[:20]), fix="Mend these lines; nobody was added.")
    return rows


def _dialect(text: str) -> type[csv.Dialect]:
    class _Dialect(csv.excel):
        delimiter = ";" if text.partition("\n")[0].count(";") > text.partition("\n")[0].count(",") else ","

    return _Dialect


def _problem(member: Member, *, extra: bool, seen: set[str]) -> str:
    if extra:
        return "more cells than columns"
    if member.full_name.startswith(_FORMULA):
        return f"the name {member.full_name[:20]!r} would be a formula in a spreadsheet"
    if not member.full_name:
        return "no name"
    if member.user in seen:
        return f"{member.user} is there twice"
    try:
        check_member(member)
    except RosterError as error:
        return f"{error.what} {error.fix}"
    return ""


def _link(lab: Lab, token: str) -> str:
    return f"{lab.public_url}/hub/invite#{token}"


def _delete_from_hub(lab: Lab, user: str) -> None:
    """End the person's server and sessions; a hub that is not running has none, and forgets the account at its next start."""
    for path in (f"users/{user}/server", f"users/{user}"):
        request = urllib.request.Request(
            f"http://127.0.0.1:{lab.settings.ports.hub_api}/hub/api/{path}",
            method="DELETE",
            headers={"Authorization": f"token {secrets.secret(lab.workspace, 'hub-admin-token')}"},
        )
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS):  # noqa: S310 - the hub's own loopback address
                continue
        except urllib.error.HTTPError as error:
            if error.code not in (400, 404):  # no server, no user
                raise RosterError(f"The hub would not delete {user}.", why=json.dumps(error.reason), fix="See ./lab logs hub.") from error
        except OSError:
            return


def _set_aside(lab: Lab, user: str) -> None:
    home = lab.workspace.homes / user
    if home.exists():
        trash = lab.workspace.state / "trash"
        trash.mkdir(mode=0o700, exist_ok=True)
        shutil.move(home, trash / f"{user}-{time.strftime('%Y%m%d-%H%M%S')}")


__all__ = ["LANGUAGES", "ROLES", "Invite", "Member", "add", "admin_link", "import_csv", "invite", "members", "remove", "set_role"]
