"""What `./lab up` and `./lab status` choose, over a backend in memory."""

import pytest
from tests.contract.fake_backend import FakeBackend
from tests.integration.services_lab import make_lab

from dataflow_hub.errors import MissingError, SettingsError
from dataflow_hub.operations import lab as operations
from dataflow_hub.services import compose
from dataflow_hub.settings import load_lab

CONTAINERS = {"gate", "docker-api"}


@pytest.fixture
def backend(monkeypatch):
    made = FakeBackend()
    monkeypatch.setattr(operations, "_backend", lambda _lab: made)
    return made


def make(tmp_path, **settings):
    lab = make_lab(tmp_path / "state", **settings)
    lab.workspace.prepare()
    return lab


def test_a_lab_of_sandboxes_neither_starts_nor_lists_what_containers_need(tmp_path, backend):
    """After `up all` every service that is listed is healthy: none is missed that this lab has no use for."""
    lab = make(tmp_path)
    operations.start_services(lab, lambda _line: None, ["all"])
    rows = operations.status(lab)
    assert all(row.healthy and row.wanted for row in rows)
    assert not CONTAINERS & {row.name for row in rows}


def test_a_lab_of_containers_starts_what_they_need_unasked(tmp_path, backend):
    lab = make(tmp_path, DATAFLOW__SANDBOX__KIND="docker")
    operations.start_services(lab, lambda _line: None, ["object-store"])
    assert set(backend.running) == {"object-store"} | CONTAINERS


def test_words_mean_the_groups_of_the_backend(tmp_path, backend):
    """`core` is a whole class on one machine, and the stores' compose file with Docker; `up` without a word is a class on both."""
    names = {}
    for kind in ("embedded", "docker"):
        lab = make(tmp_path, DATAFLOW__SERVICES__BACKEND=kind, DATAFLOW__SANDBOX__KIND="docker")
        names[kind] = {words: {each.name for each in operations._selected(lab, words)} - CONTAINERS for words in ((), ("core",))}
    assert names["embedded"][()] == names["docker"][()] == names["embedded"]["core",]
    assert names["docker"]["core",] == {"object-store", "object-store-console", "kafka"}
    with pytest.raises(SettingsError, match="no group or service streaming"):
        operations._selected(lab, ["streaming"])


def test_down_needs_no_engine_where_containers_were_only_tried_once(tmp_path, monkeypatch):
    """Docker is gone since: a lab of sandboxes goes down all the same, and one of containers says what it misses."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    for kind in ("bubblewrap", "docker"):
        lab = make(tmp_path / kind, DATAFLOW__SANDBOX__KIND=kind)
        (lab.workspace.run / "gate").mkdir()
        if kind == "bubblewrap":
            operations.down(lab, lambda _line: None)
        else:
            with pytest.raises(MissingError, match="No Docker engine"):
                operations.down(lab, lambda _line: None)


def test_what_runs_as_containers_is_known_to_every_command_until_it_is_down(tmp_path, backend, monkeypatch):
    """`./lab status` after `./lab --backend docker up` showed everything stopped, and `up` again began a second lab."""
    monkeypatch.setattr(operations, "_remove_containers", lambda _lab, _report: 0)
    state = tmp_path / "state"

    def kinds(**environ):
        found = load_lab(state=state, environ=environ).settings
        return found.services.backend, found.sandbox.kind

    lab = make(tmp_path, DATAFLOW__SERVICES__BACKEND="docker", DATAFLOW__SANDBOX__KIND="docker")
    operations.start_services(lab, lambda _line: None, ["object-store"])
    assert kinds() == ("docker", "docker")
    assert kinds(DATAFLOW__SERVICES__BACKEND="embedded") == ("embedded", "bubblewrap")
    operations.down(lab, lambda _line: None)
    assert kinds() == ("embedded", "bubblewrap")


def test_the_shells_own_variables_do_not_reach_compose(monkeypatch):
    """Compose would take a relative DATAFLOW_STATE for the folder of its own file."""
    monkeypatch.setenv("DATAFLOW_STATE", "./state")
    assert not [name for name in compose._outside_environment() if name.startswith("DATAFLOW")]
