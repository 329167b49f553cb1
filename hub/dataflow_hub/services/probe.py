"""A container's own health check: `python -SI probe.py PORT+OFFSET [PATH]` ends with 0 when the port answers.

It runs three times a minute in every container, so it is a file that imports next to nothing: not the package beside it.
"""

import socket
import sys

SECONDS = 5


def main(where: str, path: str = "") -> int:
    """Connect and, where there is a path, want status 200."""
    port = sum(map(int, where.split("+")))
    with socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as connection:
        if not path:
            return 0
        connection.sendall(f"GET {path} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
        return 0 if b" 200 " in connection.recv(64).split(b"\r\n")[0] else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
