"""Kafka's configuration: closed by default, without a secret where others can read it, and one prefix a student."""

import stat

import pytest
from confluent_kafka.admin import AclOperation, AclPermissionType, ResourcePatternType, ResourceType
from hypothesis import given
from hypothesis import strategies as st

from dataflow_hub.errors import MissingError, ServiceError
from dataflow_hub.secrets import secret
from dataflow_hub.server import accounts
from dataflow_hub.services import kafka
from dataflow_hub.services.catalogue import select
from dataflow_hub.settings import load_lab
from dataflow_kernels import broker
from dataflow_kernels.jars import read_lock
from dataflow_kernels.namespaces import namespace


@pytest.fixture
def lab(tmp_path):
    lab = load_lab(state=tmp_path / "state", environ={"DATAFLOW__PORTS__KAFKA": "9"})  # nothing listens on 9
    lab.workspace.prepare()
    return lab


def test_the_command_holds_no_secret_and_the_file_that_does_is_closed(lab):
    """Passwords are in one file of mode 0600; the argv only names it."""
    values = kafka.properties(lab)
    rendered = broker.render(values)
    for name in kafka.SECRETS:
        assert secret(lab.workspace, name) in rendered
        assert secret(lab.workspace, name) not in " ".join(kafka.command(lab))
    with pytest.raises(MissingError, match="jars"):
        kafka.prepare(lab)
    assert kafka.command(lab)[-1].startswith(str(lab.workspace.run))


def test_nothing_is_open_by_default(lab):
    """Both listeners want a login, on loopback; without an entry nothing is allowed; the two who may do all are no students."""
    values = kafka.properties(lab)
    assert "PLAINTEXT" not in values["listener.security.protocol.map"].replace("SASL_PLAINTEXT", "")
    assert all("//127.0.0.1:" in listener for listener in values["listeners"].split(","))
    assert values["authorizer.class.name"].endswith("StandardAuthorizer")
    assert values["allow.everyone.if.no.acl.found"] == "false"
    assert all("_" in name for name in (kafka.ADMIN, kafka.CONTROLLER)), "a student's namespace has no underscore"


USERS = st.from_regex(r"[a-z][a-z0-9]{0,5}([.-][a-z0-9]{1,4}){0,3}", fullmatch=True) | st.text(min_size=1, max_size=40)


@given(one=USERS, two=USERS)
def test_no_namespace_is_the_beginning_of_anothers(one, two):
    """Whatever two accounts are called, neither's prefix reaches the other's names, as Kafka's metrics write them too."""
    first, second = f"{namespace(one)}.", f"{namespace(two)}."
    if one != two:
        assert not first.startswith(second)
        assert not first.replace(".", "_").startswith(second.replace(".", "_"))
    assert namespace(one) not in {kafka.ADMIN, kafka.CONTROLLER}
    assert first[:-1].replace("-", "").isalnum()
    assert first.isascii()
    assert len(first) < 70


@pytest.mark.parametrize("user", ["ana", "ana.b", "ana-b", "ana2", "Ana Ção", "x\nUser:lab_admin", "*", "lab_admin"])
def test_the_access_list_is_one_prefix(user):
    """Odd names included: only prefixed entries, below the own namespace, without ALTER, ALL or any cluster operation."""
    name = namespace(user)
    for binding in kafka.bindings(name):
        assert binding.name == f"{name}."
        assert binding.principal == f"User:{name}"
        assert binding.resource_pattern_type == ResourcePatternType.PREFIXED
        assert binding.permission_type == AclPermissionType.ALLOW
        assert binding.restype in {ResourceType.TOPIC, ResourceType.GROUP, ResourceType.TRANSACTIONAL_ID}
        assert binding.operation not in {AclOperation.ALL, AclOperation.ANY, AclOperation.ALTER, AclOperation.ALTER_CONFIGS}


def test_a_password_never_shows_in_a_representation():
    """A log line with an access object in it gives no password away."""
    assert "very-secret" not in repr(kafka.KafkaAccess(bootstrap="b", username="u", password="very-secret"))


def test_settings_survive_javas_own_reading():
    """A path with accents or a backslash reaches the broker as it is; a line break is refused."""
    assert broker.render({"log.dirs": "/home/joão\\x/😀"}) == "log.dirs=/home/jo\\u00e3o\\\\x/\\ud83d\\ude00\n"
    with pytest.raises(ValueError, match="line break"):
        broker.render({"a": "b\nc=d"})


def test_the_brokers_lock_is_well_formed():
    """Every line parses, no file comes twice, no address is in it, and Kafka Connect's web server stays out."""
    path = kafka.lock(load_lab(environ={}))
    locked = read_lock(path)
    assert len({jar.file for jar in locked}) == len(locked) > 40
    assert "://" not in path.read_text()
    assert not [jar.file for jar in locked if jar.artifact.startswith(("jetty", "jersey", "connect"))]


def test_core_alone_neither_installs_nor_waits_for_kafka(lab):
    """Where Kafka never ran, a server's start does not ask it, and a student leaves without it; where it did, silence is told."""
    assert "kafka" not in {service.name for service in select(["core"])}
    assert "kafka" in {service.name for service in select(["all"])}
    assert accounts.platform_services(lab).grant_topics is None
    kafka.revoke(lab, "ana")
    (lab.workspace.data / "kafka" / "accounts").mkdir(parents=True)
    assert accounts.platform_services(lab).grant_topics is kafka.grant
    kafka.revoke(lab, "ana")
    (lab.workspace.data / "kafka" / "accounts" / "ana").touch()
    with pytest.raises(ServiceError, match="does not answer"):
        kafka.revoke(lab, "ana")
    with pytest.raises(ServiceError, match="does not answer"):
        kafka.grant(lab, "ana")


def test_private_folders_stay_private(lab):
    """What says who was granted is nobody else's business."""
    (lab.workspace.data / "kafka").mkdir()
    assert stat.S_IMODE(lab.workspace.data.stat().st_mode) == 0o700
