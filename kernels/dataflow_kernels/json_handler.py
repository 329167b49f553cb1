"""HTTP with JSON answers inside a kernel: nothing goes to stderr, and each answer leaves in one piece."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler


class JsonHandler(BaseHTTPRequestHandler):
    """Asks `answer` what to say to each request; a subclass writes that, and names more methods than GET and POST where it has them."""

    protocol_version = "HTTP/1.1"

    def answer(self, body: bytes) -> tuple[int, str]:
        """Give status and JSON text of the request in `command`, `path` and `headers`."""
        raise NotImplementedError

    def serve(self) -> None:
        """Read the request's body and send the answer."""
        status, text = self.answer(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
        content = text.encode()
        head = f"HTTP/1.1 {status} -\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
        self.wfile.write(head.encode() + content)  # in two pieces, the second would wait for an acknowledgement

    do_GET = do_POST = serve  # noqa: N815 - the base class's names

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing: what goes to stderr counts as an error in a notebook."""
