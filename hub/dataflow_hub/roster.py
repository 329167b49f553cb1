"""Who has an account and which role in which course: one SQLite file, argon2 passwords, one-time invites kept as hashes."""

from __future__ import annotations

import contextlib
import hashlib
import re
import secrets as entropy
import sqlite3
import time
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import argon2

from dataflow_hub.errors import RosterError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dataflow_hub.settings import Lab

ROLES = ("student", "grader", "instructor")
LANGUAGES = ("en", "pt-BR")
SHORTEST_PASSWORD = 10
_LONGEST_PASSWORD = 256
_SHORTEST_NAME, _LONGEST_NAME = 2, 32
_NAME = re.compile(r"[a-z][a-z0-9]*(?:[.-][a-z0-9]+)*")
_COURSE = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
_RESERVED = {"root", "nobody", "service", "formgrader", "exchange", "grading"}

_SCHEMA = """
CREATE TABLE IF NOT EXISTS accounts (
    number INTEGER PRIMARY KEY AUTOINCREMENT,  -- AUTOINCREMENT: a number, and so a uid, is never given twice
    user TEXT NOT NULL UNIQUE, full_name TEXT NOT NULL, language TEXT NOT NULL,
    password TEXT NOT NULL DEFAULT '', admin INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS memberships (
    course TEXT NOT NULL, user TEXT NOT NULL REFERENCES accounts(user) ON DELETE CASCADE, role TEXT NOT NULL,
    PRIMARY KEY (course, user));
CREATE TABLE IF NOT EXISTS invites (
    token_hash TEXT PRIMARY KEY, user TEXT NOT NULL REFERENCES accounts(user) ON DELETE CASCADE, expires REAL NOT NULL);
"""


@dataclass(frozen=True)
class Member:
    """One person in one course."""

    user: str
    full_name: str
    role: str
    language: str


class Roster:
    """The roster kept in the file `path`; `first_uid` is the uid of the first account."""

    def __init__(self, path: Path, *, first_uid: int = 64_000) -> None:
        self._path = path
        self._first_uid = first_uid
        self._hasher = argon2.PasswordHasher()
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._connection() as connection:
            connection.executescript(_SCHEMA)
        path.chmod(0o600)

    @contextlib.contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        connection = sqlite3.connect(self._path, timeout=10)
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA foreign_keys=ON")
            with connection:
                yield connection
        finally:
            connection.close()

    # -- people and courses ----------------------------------------------------

    def add(self, user: str, name: str, course: str, role: str, language: str) -> bool:
        """Put a person into a course, making the account if need be; tell whether it was made.

        Raises
        ------
        RosterError
            A name, role or language that cannot be.
        """
        _check(user, role, language)
        _check_course(course)
        with self._connection() as connection:
            made = _add_account(connection, user, name, language)
            upsert = "INSERT INTO memberships VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET role = excluded.role"
            connection.execute(upsert, (course, user, role))
        return made

    def add_admin(self, user: str, name: str, language: str) -> bool:
        """Make an account that administers the hub; tell whether it was made."""
        _check(user, ROLES[0], language)
        with self._connection() as connection:
            made = _add_account(connection, user, name, language)
            connection.execute("UPDATE accounts SET admin = 1 WHERE user = ?", (user,))
        return made

    def remove(self, user: str, course: str | None = None) -> bool:
        """Take a person out of a course, or of all; tell whether the account went with it, as it does with the last course."""
        with self._connection() as connection:
            _known(connection, user)
            connection.execute("DELETE FROM memberships WHERE user = ? AND (? IS NULL OR course = ?)", (user, course, course))
            gone = connection.execute(
                "DELETE FROM accounts WHERE user = ? AND (? IS NULL OR admin = 0)"
                " AND NOT EXISTS (SELECT 1 FROM memberships AS m WHERE m.user = accounts.user)",
                (user, course),
            )
        return gone.rowcount > 0

    def set_role(self, course: str, user: str, role: str) -> None:
        """Change a member's role in a course."""
        _check(user, role, LANGUAGES[0])
        with self._connection() as connection:
            changed = connection.execute("UPDATE memberships SET role = ? WHERE course = ? AND user = ?", (role, course, user))
        if not changed.rowcount:
            raise RosterError(f"{user} is not in the course {course}.", fix=f"See ./lab roster list {course}.")

    def set_language(self, user: str, language: str) -> None:
        """Change the language a person reads."""
        _check(user, ROLES[0], language)
        with self._connection() as connection:
            connection.execute("UPDATE accounts SET language = ? WHERE user = ?", (language, user))

    def members(self, course: str) -> list[Member]:
        """Give a course's members, by name of account."""
        rows = self._rows(
            "SELECT user, full_name, role, language FROM memberships JOIN accounts USING (user) WHERE course = ? ORDER BY user",
            course,
        )
        return [Member(*row) for row in rows]

    def courses(self) -> list[str]:
        """Give the courses that have members."""
        return [row[0] for row in self._rows("SELECT DISTINCT course FROM memberships ORDER BY course")]

    def roles(self, user: str) -> dict[str, str]:
        """Give a person's role in each of their courses."""
        return dict(self._rows("SELECT course, role FROM memberships WHERE user = ? ORDER BY course", user))

    def role(self, course: str, user: str) -> str | None:
        """Give a person's role in a course, or None."""
        return self.roles(user).get(course)

    def users(self) -> list[str]:
        """Give every account's name."""
        return [row[0] for row in self._rows("SELECT user FROM accounts ORDER BY user")]

    def admins(self) -> list[str]:
        """Give the accounts that administer the hub."""
        return [row[0] for row in self._rows("SELECT user FROM accounts WHERE admin ORDER BY user")]

    def exists(self, user: str) -> bool:
        """Tell whether there is such an account."""
        return bool(self._rows("SELECT 1 FROM accounts WHERE user = ?", user))

    def is_admin(self, user: str) -> bool:
        """Tell whether a person administers the hub."""
        return bool(self._rows("SELECT 1 FROM accounts WHERE user = ? AND admin", user))

    def full_name(self, user: str) -> str:
        """Give a person's name."""
        return str(self._account(user)[1])

    def language(self, user: str) -> str:
        """Give the language a person reads."""
        return str(self._account(user)[2])

    def uid(self, user: str) -> int:
        """Give the uid a person's processes run as when the lab was started as root; never given to another."""
        return self._first_uid + int(self._account(user)[0]) - 1

    # -- passwords and invites ---------------------------------------------------

    def invite(self, user: str, *, hours: float = 72, keep_earlier: bool = False) -> str:
        """Give a one-time token with which a person sets a password; it replaces earlier ones, and only its hash is kept.

        Parameters
        ----------
        keep_earlier
            Let earlier ones work too, until one of them is used.
        """
        token = entropy.token_urlsafe(24)
        with self._connection() as connection:
            _known(connection, user)
            connection.execute("DELETE FROM invites WHERE expires < ?", (time.time(),))
            if not keep_earlier:
                connection.execute("DELETE FROM invites WHERE user = ?", (user,))
            connection.execute("INSERT INTO invites VALUES (?, ?, ?)", (_digest(token), user, time.time() + hours * 3600))
        return token

    def invited(self, token: str) -> str | None:
        """Give whose invite this is, or None if it was used, has expired or never was."""
        rows = self._rows("SELECT user FROM invites WHERE token_hash = ? AND expires >= ?", _digest(token), time.time())
        return rows[0][0] if rows else None

    def accept_invite(self, token: str, password: str) -> str:
        """Use up an invite: set the password, give the account's name.

        Raises
        ------
        RosterError
            The invite is no longer good, or the password is too short.
        """
        hashed = self._hash(password)
        with self._connection() as connection:
            use = "DELETE FROM invites WHERE token_hash = ? AND expires >= ? RETURNING user"
            used = connection.execute(use, (_digest(token), time.time()))
            row = used.fetchone()
            if row is None:
                raise RosterError("This invite link has been used or has expired.", fix="Ask your instructor for a new one.")
            connection.execute("DELETE FROM invites WHERE user = ?", row)
            connection.execute("UPDATE accounts SET password = ? WHERE user = ?", (hashed, row[0]))
        return str(row[0])

    def verify(self, user: str, password: str) -> bool:
        """Tell whether this is the account's password."""
        rows = self._rows("SELECT password FROM accounts WHERE user = ?", user)
        known = bool(rows and rows[0][0])
        try:
            self._hasher.verify(rows[0][0] if known else _nobody(), password[:_LONGEST_PASSWORD])
        except argon2.exceptions.VerificationError:
            return False
        return known

    def change_password(self, user: str, current: str, password: str) -> None:
        """Set a new password, given the current one."""
        if not self.verify(user, current):
            raise RosterError("The current password is not right.", fix="Ask your instructor for a new invite link if you forgot it.")
        hashed = self._hash(password)
        with self._connection() as connection:
            connection.execute("UPDATE accounts SET password = ? WHERE user = ?", (hashed, user))

    def has_password(self, user: str) -> bool:
        """Tell whether a person has set a password."""
        return bool(self._account(user)[3])

    def _hash(self, password: str) -> str:
        if not SHORTEST_PASSWORD <= len(password) <= _LONGEST_PASSWORD:
            what = f"A password has {SHORTEST_PASSWORD} to {_LONGEST_PASSWORD} characters."
            raise RosterError(what, fix="Take a longer one: four words do well.")
        return self._hasher.hash(password)

    def _account(self, user: str) -> tuple[int, str, str, str]:
        rows = self._rows("SELECT number, full_name, language, password FROM accounts WHERE user = ?", user)
        if not rows:
            raise RosterError(f"There is no account {user}.", fix="Add it with ./lab roster import.")
        return rows[0]

    def _rows(self, query: str, *values: object) -> list[tuple]:  # type: ignore[type-arg]
        with self._connection() as connection:
            return list(connection.execute(query, values))


@lru_cache
def _nobody() -> str:
    """Give a hash to verify against when there is no such account: the time of an answer must not tell which names exist."""
    return argon2.PasswordHasher().hash(entropy.token_hex(16))


def open_roster(lab: Lab) -> Roster:
    """Give the lab's own roster."""
    return Roster(lab.workspace.data / "roster.sqlite", first_uid=lab.settings.sandbox.first_uid)


def check_course(course: str) -> None:
    """Refuse a course name that could not be a folder, a group and a part of an address."""
    _check_course(course)


def check_member(member: Member) -> None:
    """Refuse a member whose name, role or language cannot be."""
    _check(member.user, member.role, member.language)


def _check_course(course: str) -> None:
    if not _COURSE.fullmatch(course) or len(course) > _LONGEST_NAME:
        raise RosterError(f"{course!r} cannot name a course.", fix="Use lower-case letters, digits and hyphens.")


def _check(user: str, role: str, language: str) -> None:
    if not _NAME.fullmatch(user) or not _SHORTEST_NAME <= len(user) <= _LONGEST_NAME or user in _RESERVED or user.startswith("service-"):
        raise RosterError(
            f"{user!r} cannot be a user name.",
            fix=f"Use 2 to {_LONGEST_NAME} lower-case letters and digits, with single hyphens or dots between them.",
        )
    if role not in ROLES:
        raise RosterError(f"{role!r} is not a role.", fix=f"Roles are {', '.join(ROLES)}.")
    if language not in LANGUAGES:
        raise RosterError(f"{language!r} is not a language here.", fix=f"Languages are {', '.join(LANGUAGES)}.")


def _add_account(connection: sqlite3.Connection, user: str, name: str, language: str) -> bool:
    insert = "INSERT OR IGNORE INTO accounts (user, full_name, language) VALUES (?, ?, ?)"
    made = connection.execute(insert, (user, name, language)).rowcount > 0
    if not made:
        connection.execute("UPDATE accounts SET full_name = ?, language = ? WHERE user = ?", (name, language, user))
    return made


def _known(connection: sqlite3.Connection, user: str) -> None:
    if connection.execute("SELECT 1 FROM accounts WHERE user = ?", (user,)).fetchone() is None:
        raise RosterError(f"There is no account {user}.", fix="Add it with ./lab roster import.")


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
