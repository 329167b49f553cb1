"""Prometheus's own programs, as Debian packages them: what tests of monitoring run."""

import os
import shutil
import subprocess

import pytest

from dataflow_hub.workspace import CHECKOUT

RULES = CHECKOUT / "images" / "upstream" / "prometheus" / "alerts.yml"
PACKAGES = {
    "promtool": "prometheus",
    "prometheus": "prometheus",
    "prometheus-blackbox-exporter": "prometheus-blackbox-exporter",
    "prometheus-node-exporter": "prometheus-node-exporter",
}


def require_programs():
    """Skip on a machine without them; CI has them, and fails."""
    missing = sorted({package for program, package in PACKAGES.items() if not shutil.which(program)})
    if missing:
        text = f"Prometheus's programs are not here: apt-get install --no-install-recommends {' '.join(missing)}"
        (pytest.fail if os.environ.get("DATAFLOW_CI") else pytest.skip)(text)


def run(*argv):
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
