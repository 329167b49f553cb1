"""Streamlit: the dashboards over the shared gold tables, with a key of their own that only reads them.

Streamlit knows no login. People come through the login proxy, which says who they are in a header together with a word that
only the two know; the page shows nothing without it.
"""

from __future__ import annotations

import sys

from dataflow_hub.secrets import secret
from dataflow_hub.settings import Lab

PREFIX = "/services/streamlit"
SECRETS = ("streamlit-door-word",)
DOOR_HEADER, USER_HEADER, LANGUAGE_HEADER = "X-Dataflow-Door", "X-Dataflow-User", "X-Dataflow-Language"


def door_word(lab: Lab) -> str:
    """Give the word by which the page knows the login proxy."""
    return secret(lab.workspace, "streamlit-door-word")


def command(lab: Lab) -> list[str]:
    """Give the argv of the server: nothing is uploaded, watched, reported or printed for developers."""
    page = lab.workspace.root / "hub" / "dataflow_hub" / "dashboards" / "page.py"
    options = {
        "server.address": "127.0.0.1",
        "server.port": lab.settings.ports.streamlit,
        "server.baseUrlPath": PREFIX.strip("/"),
        "server.headless": "true",
        "server.fileWatcherType": "none",
        "server.enableXsrfProtection": "false",  # it guards uploads, of which there are none; the login proxy checks the origin
        "server.enableCORS": "false",  # likewise
        "server.maxUploadSize": 1,
        "browser.gatherUsageStats": "false",
        "client.toolbarMode": "viewer",
        "client.showErrorDetails": "none",
        "global.developmentMode": "false",
    }
    return [sys.executable, "-m", "streamlit", "run", str(page), *(f"--{name}={value}" for name, value in options.items())]


def environment(_lab: Lab) -> dict[str, str]:
    """Keep it from looking into a person's home for settings, and its memory small."""
    return {"MALLOC_ARENA_MAX": "2", "STREAMLIT_SERVER_RUN_ON_SAVE": "false"}
