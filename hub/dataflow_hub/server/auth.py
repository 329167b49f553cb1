"""Who may log in: the roster's own passwords, or another's word for it; either way only people of the roster, with its groups."""

from __future__ import annotations

import asyncio
import difflib
from importlib import import_module
from typing import TYPE_CHECKING, Any

from jupyterhub.auth import Authenticator
from tornado import web
from traitlets import Any as AnyTrait

from dataflow_hub.errors import SettingsError
from dataflow_hub.roster import Roster, open_roster
from dataflow_hub.server import roles
from dataflow_hub.server.attempts import Attempts
from dataflow_hub.server.texts import Texts, preferred_language

if TYPE_CHECKING:
    from jupyterhub.handlers import BaseHandler
    from traitlets.config import Config

    from dataflow_hub.settings import Lab

_KINDS = {
    "oidc": ("oauthenticator.generic", "GenericOAuthenticator"),
    "github": ("oauthenticator.github", "GitHubOAuthenticator"),
    "ldap": ("ldapauthenticator", "LDAPAuthenticator"),
    "lti13": ("ltiauthenticator.lti13.auth", "LTI13Authenticator"),
}
_REFRESH_SECONDS = 20  # a role taken away is gone within this time
_HASHES_AT_ONCE = 2  # argon2 takes 64 MiB each


class RosterFacts(Authenticator):  # type: ignore[misc]
    """Adds to any authenticator: who is not in the roster stays out, and groups and admin follow the roster."""

    lab = AnyTrait(help="The lab, as `dataflow_hub.settings.Lab`.", config=True)

    @property
    def roster(self) -> Roster:
        """The lab's roster."""
        if not hasattr(self, "_roster"):
            self._roster = open_roster(self.lab)
        return self._roster

    def get_handlers(self, app: Any) -> list[Any]:
        """Add the lab's pages to the authenticator's."""
        from dataflow_hub.server.handlers import lab_handlers

        return [*lab_handlers(self.lab), *super().get_handlers(app)]

    async def run_post_auth_hook(self, handler: BaseHandler, auth_model: dict[str, Any]) -> dict[str, Any]:
        """Refuse who is not in the roster; add what it knows of who is."""
        model = await super().run_post_auth_hook(handler, auth_model)
        facts = self.facts(model["name"]) if model else None
        if facts is None:
            raise web.HTTPError(403, "This account is not in the roster of any course here. Ask your instructor to add it.")
        return {**model, **facts}

    async def refresh_user(self, user: Any, handler: BaseHandler | None = None, **options: Any) -> bool | dict[str, Any]:
        """Bring groups and admin up to date; False, and so a new login, for who has left the roster."""
        facts = self.facts(user.name)
        if facts is None:
            return False
        theirs = await super().refresh_user(user, handler, **options)
        if not theirs:
            return False
        return (theirs if isinstance(theirs, dict) else {"name": user.name}) | facts

    def facts(self, name: str) -> dict[str, Any] | None:
        """Give groups and admin of an account, or None."""
        if not self.roster.exists(name):
            return None
        return {"groups": roles.groups(self.roster.roles(name)), "admin": self.roster.is_admin(name)}


class RosterAuthenticator(RosterFacts):
    """Passwords of the roster, with a limit on failures by account and by address."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        limit = self.lab.settings.hub.login_attempts_per_minute
        self.attempts = Attempts(limit)
        self._hashing = asyncio.Semaphore(_HASHES_AT_ONCE)

    async def authenticate(self, handler: BaseHandler, data: dict[str, str]) -> dict[str, Any] | None:
        """Give the account whose password this is.

        Raises
        ------
        tornado.web.HTTPError
            429 after too many failures.
        """
        name = self.normalize_username(data.get("username", ""))
        keys = (f"account {name}", f"address {handler.request.remote_ip}")
        texts = Texts(preferred_language(handler, self.lab))
        if not self.attempts.allowed(*keys):
            self.log.warning("Too many failed logins from %s", handler.request.remote_ip)
            raise web.HTTPError(429, texts("login_too_often"))
        self.attempts.fail(*keys)  # counted before the slow part, so that many at once count as many
        async with self._hashing:
            is_right = await asyncio.to_thread(self.roster.verify, name, data.get("password", ""))
        if not is_right:
            return None
        for key in keys:
            self.attempts.succeed(key)
        return {"name": name, **(self.facts(name) or {})}


def configure(c: Config, lab: Lab) -> None:
    """Set the authenticator that `auth.kind` names.

    Raises
    ------
    SettingsError
        An option that the authenticator does not have.
    """
    kind = lab.settings.auth.kind
    authenticator = RosterAuthenticator if kind == "roster" else _external(kind)
    c.JupyterHub.authenticator_class = authenticator
    c.RosterFacts.lab = lab
    c.Authenticator.allow_all = True  # the roster decides, in RosterFacts
    c.Authenticator.manage_groups = True
    c.Authenticator.auth_refresh_age = _REFRESH_SECONDS
    c.Authenticator.refresh_pre_spawn = True
    for name, value in lab.settings.auth.options.items():
        _check_option(authenticator, name)
        c[authenticator.__name__][name] = value


def _external(kind: str) -> type[RosterFacts]:
    module, name = _KINDS[kind]
    theirs = getattr(import_module(module), name)
    return type(f"Roster{name}", (RosterFacts, theirs), {})


def _check_option(authenticator: type[RosterFacts], name: str) -> None:
    known = [trait for trait, kind in authenticator.class_traits().items() if kind.metadata.get("config")]
    if name in known:
        return
    near = difflib.get_close_matches(name, known, n=1)
    raise SettingsError(
        f"auth.options has {name}, which {authenticator.__name__} does not know.",
        fix=f"Perhaps you meant {near[0]}." if near else "See the authenticator's own documentation for its options.",
    )
