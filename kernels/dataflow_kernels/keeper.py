"""Keeps one program: `keeper.py FOLDER ARGV…` ends it, and removes FOLDER, when standard input closes.

Run as a script by an isolated interpreter, so it uses the standard library only. The pipe to standard input closes however
the process at its other end dies.
"""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import sys


def main() -> int:
    """Run the program until it ends or nobody wants it any more; give its exit status."""
    folder, *argv = sys.argv[1:]
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL) as program:
        ended = os.pidfd_open(program.pid)
        if ended not in select.select([sys.stdin.fileno(), ended], [], [])[0]:
            program.kill()
        status = program.wait()
    if select.select([sys.stdin.fileno()], [], [])[0]:  # a program that died by itself leaves its log until somebody has read it
        shutil.rmtree(folder, ignore_errors=True)
    return status


if __name__ == "__main__":
    sys.exit(main())
