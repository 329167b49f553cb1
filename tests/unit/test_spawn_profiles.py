"""Sizes of server: what each may use, and what is done with a choice."""

from typing import Any

import pytest

from dataflow_hub.errors import SettingsError
from dataflow_hub.sandbox.box import server_limits
from dataflow_hub.server.pages import sizes
from dataflow_hub.server.spawn_profiles import PROFILES, USUAL, Choosable
from dataflow_hub.settings import load_lab

LAB = load_lab(environ={})


class Spawner(Choosable):
    def __init__(self, **options: Any) -> None:
        self.user_options = options


def test_who_chooses_nothing_gets_what_the_settings_say():
    assert Spawner().profile == USUAL
    assert USUAL.limits(LAB.settings.sandbox) == server_limits(LAB.settings.sandbox)


def test_a_choice_in_an_address_is_heeded_and_nothing_else_of_it():
    """Docker's own spawner would take an image from there."""
    chosen = Spawner().options_from_query({"profile": ["light"], "image": ["debian:12"]})
    assert chosen == {"profile": "light"}
    assert Spawner(**chosen).profile.memory == 0.5


def test_an_unknown_size_is_refused_by_name():
    with pytest.raises(SettingsError, match="huge"):
        Spawner().options_from_query({"profile": ["huge"]})


def test_a_kept_choice_that_is_no_longer_there_keeps_nobody_out():
    """JupyterHub remembers choices longer than a release lasts."""
    assert Spawner(profile="huge").profile == USUAL
    assert Spawner(profile=["light"]).profile == USUAL


def test_the_home_page_tells_of_every_size_in_the_readers_numbers():
    """Half of three gigabytes is 1.5 in English and 1,5 in Portuguese."""
    assert [size["name"] for size in sizes(LAB, "en")] == [profile.name for profile in PROFILES]
    assert sizes(LAB, "en")[0] == {"name": "light", "query": "opt-profile=light", "memory": "1.5", "cores": "0.5"}
    assert sizes(LAB, "pt-BR")[0]["memory"] == "1,5"
