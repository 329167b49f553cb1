"""Keeps one program: `keeper.py FOLDER ARGV…` ends it, and removes FOLDER, when standard input closes.

A number on standard input kills the program and starts it again after so many seconds. Run as a script by an isolated
interpreter, so it uses the standard library only. The pipe to standard input closes however the process at its other end dies.
"""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import sys

_LONGEST_ORDER = 64


def main() -> int:
    """Keep the program until nobody wants it any more; give its last exit status."""
    folder, *argv = sys.argv[1:]
    orders = sys.stdin.fileno()
    while True:
        status = _run(argv, orders)
        order = os.read(orders, _LONGEST_ORDER)  # a program that died by itself leaves its log until somebody has read it
        if not order:
            shutil.rmtree(folder, ignore_errors=True)
            return status
        select.select([orders], [], [], float(order.split()[0]))


def _run(argv: list[str], orders: int) -> int:
    """Run the program until it ends or an order comes; give its exit status."""
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL) as program:
        ended = os.pidfd_open(program.pid)
        if ended not in select.select([orders, ended], [], [])[0]:
            program.kill()
        os.close(ended)
        return program.wait()


if __name__ == "__main__":
    sys.exit(main())
