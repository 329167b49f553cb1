"""The catalogue is data: complete, without circles, and nothing secret in what it renders for others to see."""

import dataclasses
import shlex

import pytest

from dataflow_hub.errors import ServiceError, SettingsError
from dataflow_hub.secrets import secret
from dataflow_hub.services import supervisor_conf
from dataflow_hub.services.catalogue import CATALOGUE, find, in_order, select
from dataflow_hub.services.family import MARK
from dataflow_hub.settings import load_lab


@pytest.fixture
def lab(tmp_path):
    lab = load_lab(state=tmp_path / "state", environ={})
    lab.workspace.prepare()
    return lab


def test_names_and_ports_are_each_somebodys(lab):
    """Two services never share a name or a port."""
    names = [service.name for service in CATALOGUE]
    ports = [port for service in CATALOGUE for port in service.port_numbers(lab)]
    assert len(set(names)) == len(names)
    assert len(set(ports)) == len(ports)


def test_the_issues_services_are_all_there():
    """Everything the set-up promises has an entry."""
    promised = {"object-store", "object-store-console", "mlflow", "proxy", "hub", "exchange", "formgrader"}
    assert {service.name for service in CATALOGUE} >= promised


def test_what_a_service_depends_on_exists_and_comes_first():
    """The order is by dependency, and no dependency is unknown."""
    order = [service.name for service in in_order(CATALOGUE)]
    for service in CATALOGUE:
        for dependency in service.depends_on:
            assert order.index(dependency) < order.index(service.name)


def test_a_circle_is_refused_by_name():
    """Services that wait for each other are named instead of waited for."""
    one = dataclasses.replace(find("mlflow"), name="one", depends_on=("two",))
    two = dataclasses.replace(find("mlflow"), name="two", depends_on=("one",))
    with pytest.raises(ServiceError, match="one, two"):
        in_order([one, two])


def test_selecting_a_service_takes_what_it_needs_along():
    """`up mlflow` starts the object store too, and before it."""
    assert [service.name for service in select(["mlflow"])] == ["object-store", "mlflow"]


def test_an_unknown_word_is_refused_with_the_known_ones():
    """A typing error never starts the wrong thing."""
    with pytest.raises(SettingsError, match="mlflwo") as caught:
        select(["mlflwo"])
    assert "mlflow" in caught.value.fix


def test_no_secret_is_in_any_argv(lab):
    """Every secret a service names stays out of every command line, which all users of the machine can read."""
    values = {secret(lab.workspace, name) for service in CATALOGUE for name in service.secrets}
    for service in CATALOGUE:
        text = " ".join(service.command(lab))
        assert not [value for value in values if value in text], service.name


def test_the_configuration_marks_every_program_and_kills_its_children_with_it(lab):
    """Nothing is started that `down`, or the death of the supervisor, would not find again."""
    text = supervisor_conf.render(lab, CATALOGUE, "lab.run")
    programs = text.split("[program:")[1:]
    assert len(programs) == len(CATALOGUE) + 1
    for program in programs:
        assert f'{MARK}="lab.run"' in program
        assert "killasgroup=true" in program
        command = next(line for line in program.splitlines() if line.startswith("command=")).removeprefix("command=")
        assert "--pdeathsig" in shlex.split(command) or program.startswith("reaper")


def test_values_with_special_characters_survive_the_configuration(lab):
    """A percent sign, a comma, an equals sign or a backslash in a value reaches the service unchanged; a double quote is refused."""
    from supervisor.datatypes import dict_of_key_value_pairs

    value = "a%b 'c' \\d,e=f; g"
    rendered = f"KEY={supervisor_conf._quoted(value)}"
    parsed = dict_of_key_value_pairs(rendered % {})
    assert parsed == {"KEY": value}
    with pytest.raises(SettingsError):
        supervisor_conf._quoted('a"b')


def test_a_service_reads_the_settings_of_the_up_that_started_it(tmp_path):
    """Settings given by environment reach services that a later shell restarts."""
    lab = load_lab(state=tmp_path / "state", environ={"DATAFLOW__PORTS__MLFLOW": "5999"})
    again = load_lab(environ=lab.environment())
    assert again.settings == lab.settings
    assert again.workspace.state == lab.workspace.state
