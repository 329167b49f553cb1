"""The keeper: a program ends with whoever wanted it, and starts again when it is told to."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

import dataflow_kernels

KEEPER = Path(dataflow_kernels.__file__).with_name("keeper.py")
PROGRAM = "import os, sys, time; print(os.getpid(), file=open(sys.argv[1], 'a'), flush=True); time.sleep(60)"


def starts(log, count):
    end = time.monotonic() + 20
    while time.monotonic() < end:
        lines = log.read_text().splitlines() if log.exists() else []
        if len(lines) >= count:
            return lines
        time.sleep(0.02)
    raise AssertionError(lines)


@pytest.fixture
def kept(tmp_path):
    folder, log = tmp_path / "kept", tmp_path / "starts"
    folder.mkdir()
    argv = [sys.executable, "-I", "-S", str(KEEPER), str(folder), sys.executable, "-c", PROGRAM, str(log)]
    keeper = subprocess.Popen(argv, stdin=subprocess.PIPE)
    yield keeper, folder, log
    keeper.stdin.close()
    keeper.wait(20)


def test_a_number_kills_the_program_and_starts_it_again(kept):
    """The folder stays; a second process runs where the first is gone."""
    keeper, folder, log = kept
    first = starts(log, 1)[0]
    keeper.stdin.write(b"0.0\n")
    keeper.stdin.flush()
    second = starts(log, 2)[1]
    assert first != second
    assert not Path("/proc", first).exists()
    assert folder.is_dir()


def test_the_program_and_its_folder_go_when_nobody_wants_it(kept):
    """Also while it is away."""
    keeper, folder, log = kept
    starts(log, 1)
    keeper.stdin.write(b"60\n")
    keeper.stdin.flush()
    keeper.stdin.close()
    keeper.wait(20)
    assert not folder.exists()
    assert not any(Path("/proc", pid).exists() for pid in log.read_text().split())
