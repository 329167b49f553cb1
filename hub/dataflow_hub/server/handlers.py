"""The lab's own pages among the hub's: login in two languages, invite, password, language, static files."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from jupyterhub.handlers import BaseHandler
from jupyterhub.handlers.login import LoginHandler
from jupyterhub.utils import new_token
from tornado import web

from dataflow_hub.errors import RosterError
from dataflow_hub.roster import LANGUAGES, Roster
from dataflow_hub.server.pages import ASSETS
from dataflow_hub.server.texts import LANGUAGE_COOKIE, Texts, preferred_language

if TYPE_CHECKING:
    from dataflow_hub.settings import Lab


class _Localised(BaseHandler):  # type: ignore[misc]
    """Renders in the language of the account, of the cookie, or of the browser."""

    lab: Lab

    def initialize(self, lab: Lab) -> None:
        self.lab = lab

    @property
    def texts(self) -> Texts:
        return Texts(preferred_language(self, self.lab, user=self.current_user))

    @property
    def roster(self) -> Roster:
        roster: Roster = self.authenticator.roster
        return roster

    @property
    def template_namespace(self) -> dict[str, Any]:
        texts = self.texts
        return {**super().template_namespace, "t": texts, "language": texts.language, "here": self.request.path}


class LabLoginHandler(_Localised, LoginHandler):  # type: ignore[misc]
    """JupyterHub's login, in the reader's language."""

    def _render(self, login_error: str | None = None, username: str | None = None, **options: Any) -> Any:
        if login_error == "Invalid username or password":
            login_error = self.texts("login_wrong")
        return super()._render(login_error=login_error, username=username, **options)


class InviteHandler(_Localised):
    """Sets a first password. The token is in the link's fragment, so it reaches no server log, and comes back in the form's body."""

    async def get(self) -> None:
        """Show the form."""
        self.set_header("Referrer-Policy", "no-referrer")
        await self._show()

    async def post(self) -> None:
        """Use up the invite and log in."""
        token, password = self.get_body_argument("token", ""), self.get_body_argument("password", "", strip=False)
        attempts, key = self.authenticator.attempts, f"invite {self.request.remote_ip}"
        if not attempts.allowed(key):
            await self._show(error=self.texts("login_too_often"), status=429)
        elif password != self.get_body_argument("password_again", "", strip=False):
            await self._show(error=self.texts("password_differs"), token=token)
        else:
            await self._accept(token, password, key)

    async def _accept(self, token: str, password: str, key: str) -> None:
        try:
            user = await asyncio.to_thread(self.roster.accept_invite, token, password)
        except RosterError:
            still_good = self.roster.invited(token) is not None
            if not still_good:
                self.authenticator.attempts.fail(key)
            await self._show(error=self.texts("password_short" if still_good else "invite_spent"), token=token if still_good else "")
            return
        await self.login_user({"username": user, "password": password})
        self.redirect(self.hub.base_url + "home")

    async def _show(self, *, error: str = "", token: str = "", status: int = 200) -> None:
        self.set_status(400 if error and status == 200 else status)  # noqa: PLR2004
        self.finish(await self.render_template("invite.html", error=error, token=token))


class PasswordHandler(_Localised):
    """Changes a password, which ends every other session of the account."""

    @web.authenticated
    async def get(self) -> None:
        """Show the form."""
        self.finish(await self.render_template("password.html", error="", done=False))

    @web.authenticated
    async def post(self) -> None:
        """Change it."""
        current, password = (self.get_body_argument(name, "", strip=False) for name in ("current", "password"))
        error = await self._change(current, password)
        if error:
            self.set_status(400)
        self.finish(await self.render_template("password.html", error=error, done=not error))

    async def _change(self, current: str, password: str) -> str:
        attempts, key = self.authenticator.attempts, f"account {self.current_user.name}"
        if not attempts.allowed(key):
            return self.texts("login_too_often")
        if password != self.get_body_argument("password_again", "", strip=False):
            return self.texts("password_differs")
        if not await asyncio.to_thread(self.roster.verify, self.current_user.name, current):
            attempts.fail(key)
            return self.texts("password_wrong")
        try:
            await asyncio.to_thread(self.roster.change_password, self.current_user.name, current, password)
        except RosterError:
            return self.texts("password_short")
        self.current_user.orm_user.cookie_id = new_token()
        self.db.commit()
        self.set_login_cookie(self.current_user)
        return ""


class LanguageHandler(_Localised):
    """Changes the language of the pages, and of the account when there is one."""

    async def post(self) -> None:
        """Change it and go back."""
        language = self.get_body_argument("language", "")
        if language not in LANGUAGES:
            raise web.HTTPError(400, "Unknown language")
        self.set_cookie(LANGUAGE_COOKIE, language, path=self.hub.base_url, httponly=True, samesite="Lax", expires_days=365)
        if self.current_user and self.roster.exists(self.current_user.name):
            self.roster.set_language(self.current_user.name, language)
        back = self.get_body_argument("back", "")
        is_ours = back.startswith(self.hub.base_url) and not back.startswith("//") and "\\" not in back
        self.redirect(back if is_ours else self.hub.base_url + "home")


class _AssetHandler(web.StaticFileHandler):
    """Style sheets and pictures; public, as the login page needs them."""

    def set_extra_headers(self, path: str) -> None:  # noqa: ARG002 - tornado's signature
        self.set_header("Cache-Control", "max-age=3600")


def lab_handlers(lab: Lab) -> list[Any]:
    """Give the lab's pages, as the hub's handlers."""
    handlers: list[Any] = [
        (r"/language", LanguageHandler, {"lab": lab}),
        (r"/assets/(.*)", _AssetHandler, {"path": str(ASSETS)}),
    ]
    if lab.settings.auth.kind == "roster":
        handlers += [
            (r"/login", LabLoginHandler, {"lab": lab}),
            (r"/invite", InviteHandler, {"lab": lab}),
            (r"/password", PasswordHandler, {"lab": lab}),
        ]
    return handlers
