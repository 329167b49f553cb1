"""What a student reads while the server starts, and when a service is not there."""

import pytest

from dataflow_hub.errors import ServiceError
from dataflow_hub.operations import roster
from dataflow_hub.server import accounts
from dataflow_hub.services.kafka import KafkaAccess
from dataflow_hub.settings import load_lab

WAITING = {"en": ["The object store…", "MLflow…"], "pt-BR": ["O armazenamento de objetos…", "O MLflow…"]}
WITHOUT = {"en": "Your server starts without it.", "pt-BR": "Seu servidor liga sem isso."}


def dead(_lab, _user):
    raise ServiceError("Connection refused.")


@pytest.fixture(params=["en", "pt-BR"])
def language(request):
    return request.param


@pytest.fixture
def lab(tmp_path, language):
    lab = load_lab(state=tmp_path / "state", environ={})
    lab.workspace.prepare()
    roster.add(lab, "medallion", "ana", "Ana", "student", language)
    return lab


def test_the_stages_of_a_start_are_told_in_the_students_language(lab, language):
    """A silent MLflow costs nobody the server, and the student is told."""
    said = []
    services = accounts.Services(grant_store=lambda _lab, _user: None, grant_tracking=dead)
    environment = accounts.provision(lab, "ana", said.append, services=services)
    assert environment.mlflow_uri == ""
    assert said[:2] == WAITING[language]
    assert said[2].endswith(WITHOUT[language])


def test_a_silent_kafka_costs_nobody_the_server_either(lab, language):
    """It is told in the student's language, and the kernel knows of no broker."""
    said = []
    services = accounts.Services(grant_store=lambda _lab, _user: None, grant_tracking=lambda _lab, _user: None, grant_topics=dead)
    environment = accounts.provision(lab, "ana", said.append, services=services)
    assert environment.kafka_bootstrap == ""
    assert said[2] == {"en": "Kafka…", "pt-BR": "O Kafka…"}[language]
    assert said[3].endswith(WITHOUT[language])


def test_what_kafka_grants_reaches_the_kernel(lab):
    """Address, login and password are those of the grant."""
    access = KafkaAccess("127.0.0.1:9092", "ana", "login")
    services = accounts.Services(None, None, grant_topics=lambda _lab, _user: access)
    environment = accounts.provision(lab, "ana", services=services)
    assert (environment.kafka_bootstrap, environment.kafka_username, environment.kafka_password) == ("127.0.0.1:9092", "ana", "login")


def test_without_the_object_store_no_server_starts_and_the_student_reads_what_is_missing(lab, language):
    """The store holds the lake: without it there is nothing to work on."""
    with pytest.raises(ServiceError, match=WAITING[language][0].removesuffix("…")):
        accounts.provision(lab, "ana", services=accounts.Services(grant_store=dead, grant_tracking=None))
