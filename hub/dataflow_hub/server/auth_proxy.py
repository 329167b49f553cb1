"""The login proxy: pages of services that know no login of their own, or only the lab's, behind the hub's, by role.

`python -m dataflow_hub.server.auth_proxy`. The hub's front door sends their paths here; who is not logged in goes to the hub's
login, who lacks the role gets 403. A role that is taken away is noticed within seconds, on open websockets too.
"""

from __future__ import annotations

import asyncio
import contextlib
import html
import signal
from typing import TYPE_CHECKING, Any

from jupyterhub.services.auth import HubOAuth, HubOAuthCallbackHandler, HubOAuthenticated, UserNotAllowed
from tornado import web
from tornado.httpclient import AsyncHTTPClient, HTTPError, HTTPRequest
from tornado.httputil import HTTPHeaders
from tornado.websocket import WebSocketClientConnection, WebSocketHandler, websocket_connect

from dataflow_hub import secrets
from dataflow_hub.logs import configure_logging, get_logger
from dataflow_hub.server.service_pages import PAGES, Refused, ServicePage, access_scope, hub_token
from dataflow_hub.server.texts import Texts, account_language, preferred_language
from dataflow_hub.settings import load_lab

if TYPE_CHECKING:
    from tornado.httputil import HTTPServerRequest

    from dataflow_hub.settings import Lab

_REMEMBER_SECONDS = 20  # who lost the role is out within this time
_PATIENCE_SECONDS = 60
_LARGEST_BYTES = 64 * 2**20
# What belongs to one connection, and what would hand the hub's cookies or a stranger's claims to the service.
_NOT_SENT = frozenset(
    {"cookie", "authorization", "connection", "upgrade", "keep-alive", "te", "transfer-encoding", "content-length", "origin"}
)
_NOT_RETURNED = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "set-cookie", "server", "date"})
_log = get_logger("auth-proxy")


class _Guarded(HubOAuthenticated, web.RequestHandler):  # type: ignore[misc]
    """Knows the page, the lab and, by the hub, the reader."""

    def initialize(self, page: ServicePage, hub_auth: HubOAuth, lab: Lab) -> None:
        self.page, self.hub_auth, self.lab = page, hub_auth, lab

    def check_xsrf_cookie(self) -> None:
        """Let in what the page itself sends: its scripts know nothing of the hub's tokens."""
        if not _same_origin(self.request):
            raise web.HTTPError(403, "The request comes from another site's page.")

    def service_path(self) -> str:
        """Give the path that the service itself knows."""
        return self.page.upstream(self.request.path)

    def service_headers(self) -> HTTPHeaders:
        """Give the request's headers, with who asks in place of the hub's cookies."""
        headers = HTTPHeaders()
        for name, value in self.request.headers.get_all():
            if name.lower() not in _NOT_SENT and not name.lower().startswith(("x-dataflow-", "sec-websocket-")):
                headers.add(name, value)
        user = self.current_user["name"]
        for name, value in self.page.headers(self.lab, user, account_language(self.lab, user)).items():
            headers[name] = value
        return headers

    def set_default_headers(self) -> None:
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("X-Frame-Options", "DENY")
        self.set_header("Referrer-Policy", "same-origin")

    def write_error(self, status_code: int, **_: Any) -> None:
        """Say it in the reader's language, with a way back."""
        text = Texts(preferred_language(self, self.lab))
        key = {403: "error_403", 404: "error_404", 502: "page_down"}.get(status_code, "error_any")
        title, back = html.escape(text(key)), html.escape(text("error_home"))
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.finish(
            f'<!doctype html><html lang="{text.language}"><title>{title}</title><h1>{title}</h1><p><a href="/hub/home">{back}</a></p>'
        )


class PageHandler(_Guarded):
    """Passes a request on to the service, and its reply back."""

    @web.authenticated
    async def get(self) -> None:
        """Pass it on."""
        path, method = self.service_path(), str(self.request.method)
        try:
            body = self.page.body(method, path, self.request.body)
        except Refused:
            raise web.HTTPError(403, f"{method} {path} is not open through the page") from None
        reply = await self._ask(method, path, body)
        self.set_status(reply.code, reply.reason)
        for name, value in reply.headers.get_all():
            if name.lower() not in _NOT_RETURNED:
                self.set_header(name, value)
        if method != "HEAD" and reply.code not in {204, 304}:
            self.write(self.page.reply(path, reply.body or b""))

    head = post = put = patch = delete = options = get

    async def _ask(self, method: str, path: str, body: bytes) -> Any:
        port = getattr(self.lab.settings.ports, self.page.port)
        query = f"?{self.request.query}" if self.request.query else ""
        headers = self.service_headers()
        if body != self.request.body:
            headers["Content-Type"] = "application/json"  # it was written anew
        if path.endswith("/ui-settings"):
            headers["Accept-Encoding"] = "identity"  # it is read here
        request = HTTPRequest(
            f"http://127.0.0.1:{port}{path}{query}",
            method=method,
            headers=headers,
            body=body if method not in {"GET", "HEAD"} else None,
            follow_redirects=False,
            decompress_response=False,
            request_timeout=_PATIENCE_SECONDS,
        )
        try:
            return await AsyncHTTPClient().fetch(request, raise_error=False)
        except (OSError, HTTPError) as error:
            raise web.HTTPError(502, f"{self.page.name} does not answer: {error}") from error


class PageSocket(_Guarded, WebSocketHandler):
    """Passes a websocket on, both ways, for as long as its reader may read the page."""

    _upstream: WebSocketClientConnection | None = None
    _is_first = True

    async def get(self, *arguments: Any, **options: Any) -> None:
        """Open the service's side first: what it does not open is not opened here either."""
        if self.current_user is None or not self.page.opens_socket(self.service_path()) or not _same_origin(self.request):
            raise web.HTTPError(403)
        port = getattr(self.lab.settings.ports, self.page.port)
        offered = [word.strip() for word in self.request.headers.get("Sec-WebSocket-Protocol", "").split(",") if word.strip()]
        query = f"?{self.request.query}" if self.request.query else ""
        request = HTTPRequest(f"ws://127.0.0.1:{port}{self.service_path()}{query}", headers=self.service_headers())
        try:
            self._upstream = await websocket_connect(request, subprotocols=offered or None, max_message_size=_LARGEST_BYTES)
        except (OSError, HTTPError) as error:
            raise web.HTTPError(502, f"{self.page.name} does not answer: {error}") from error
        await super().get(*arguments, **options)

    def select_subprotocol(self, subprotocols: list[str]) -> str | None:  # noqa: ARG002 - the service chose
        """Take the one that the service chose."""
        return self._upstream.selected_subprotocol if self._upstream else None

    def open(self, *_: str, **__: str) -> None:
        """Begin to pass on what the service says, and to look whether the reader may still read."""
        self._tasks = [asyncio.create_task(self._pass_back()), asyncio.create_task(self._watch())]

    async def on_message(self, message: str | bytes) -> None:
        """Pass on what the browser says."""
        if self._is_first:
            self._is_first, message = False, self.page.first_message(self.lab, message)
        if self._upstream is not None:
            await self._upstream.write_message(message, binary=isinstance(message, bytes))

    def on_close(self) -> None:
        """Close the service's side."""
        if self._upstream is not None:
            self._upstream.close()

    async def _pass_back(self) -> None:
        assert self._upstream is not None
        with contextlib.suppress(Exception):  # either side may go at any moment
            while (message := await self._upstream.read_message()) is not None:
                await self.write_message(message, binary=isinstance(message, bytes))
        self.close()

    async def _watch(self) -> None:
        while self.ws_connection is not None:
            await asyncio.sleep(_REMEMBER_SECONDS)
            if not await self._may_still_read():
                self.close(4403, "no longer open to you")

    async def _may_still_read(self) -> bool:
        try:
            model = await self.hub_auth.get_user(self, sync=False)
            return bool(model and self.check_hub_user(model))
        except (UserNotAllowed, web.HTTPError):
            return False


def _same_origin(request: HTTPServerRequest) -> bool:
    """Tell whether a request comes from a page of this very address, as far as the browser says."""
    site, origin = request.headers.get("Sec-Fetch-Site", "same-origin"), request.headers.get("Origin")
    return site in {"same-origin", "none"} and (origin is None or origin.partition("://")[2] == request.host)


def hub_login(lab: Lab, page: ServicePage) -> HubOAuth:
    """Give the hub's login for one page."""
    return HubOAuth(
        api_url=f"http://127.0.0.1:{lab.settings.ports.hub_api}/hub/api",
        api_token=hub_token(lab, page),
        base_url=f"{page.prefix}/",
        hub_prefix="/hub/",
        oauth_client_id=f"service-{page.name}",
        oauth_redirect_uri=f"{page.prefix}/oauth_callback",
        access_scopes={"access:services", access_scope(page)},
        cache_max_age=_REMEMBER_SECONDS,
        cookie_options={"samesite": "Lax"},
    )


def make_application(lab: Lab) -> web.Application:
    """Give the web application of all pages."""
    rules: list[Any] = []
    for page in PAGES:
        login = hub_login(lab, page)
        options = {"page": page, "hub_auth": login, "lab": lab}
        callback = type("Callback", (HubOAuthCallbackHandler,), {"_hub_auth": login})
        rules += [
            (rf"{page.prefix}/oauth_callback", callback),
            (rf"{page.prefix}/(?:_stcore/stream|api/(?:events|logs)/out)", PageSocket, options),
            (rf"{page.prefix}(?:/.*)?", PageHandler, options),
        ]
    key = bytes.fromhex(secrets.secret(lab.workspace, "auth-proxy-cookie"))
    return web.Application([(r"/health", _Health), *rules], cookie_secret=key, websocket_max_message_size=_LARGEST_BYTES)


class _Health(web.RequestHandler):
    def get(self) -> None:
        self.finish("ok")


async def serve() -> None:
    """Serve on loopback until SIGTERM or SIGINT."""
    lab = load_lab()
    AsyncHTTPClient.configure(None, max_clients=100, max_body_size=_LARGEST_BYTES)
    server = make_application(lab).listen(lab.settings.ports.auth_proxy, address="127.0.0.1", xheaders=True)
    _log.info("listening", port=lab.settings.ports.auth_proxy)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()
    server.stop()


if __name__ == "__main__":
    configure_logging()
    asyncio.run(serve())
