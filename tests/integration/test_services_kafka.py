"""Kafka as a service: every student has their own topics, groups and transactions, and nothing of anybody else's."""

import contextlib

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic
from tests.integration.services_lab import with_kafka

from dataflow_hub.operations import lab as operations
from dataflow_hub.secrets import lab_id
from dataflow_hub.services import kafka
from dataflow_hub.services.family import members

pytestmark = pytest.mark.integration
SECONDS = 10


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    with with_kafka(tmp_path_factory.mktemp("kafka") / "state") as lab:
        yield lab


@pytest.fixture(scope="module")
def ana(lab):
    """Ana's login; her topic `ana.pedidos` holds ten events."""
    access = kafka.grant(lab, "ana")
    make_topic(lab, access, "ana.pedidos")
    produce(lab, access, "ana.pedidos", [f"event {number}" for number in range(10)])
    return access


def settings(lab, access, **more):
    return kafka.client_settings(lab, access.username, access.password) | more


def admin(lab, access):
    return AdminClient(settings(lab, access))


def make_topic(lab, access, name, partitions=1):
    client = admin(lab, access)  # a client that nobody holds ends, and what it was asked with it
    client.create_topics([NewTopic(name, partitions)])[name].result(SECONDS)


def produce(lab, access, topic, values, **more):
    """Produce with acks=all; give the error code of each message (None: acknowledged)."""
    told = []
    producer = Producer(settings(lab, access, acks="all", **{"message.timeout.ms": 8000}, **more))
    for value in values:
        producer.produce(topic, value, on_delivery=lambda error, _message: told.append(error.code() if error else None))
    producer.flush(SECONDS)
    return told


def consume(lab, access, topic, group, n):
    """Read `n` messages; whatever error comes first is raised."""
    consumer = Consumer(settings(lab, access, **{"group.id": group, "auto.offset.reset": "earliest", "enable.auto.commit": False}))
    try:
        consumer.subscribe([topic])
        found = []
        while len(found) < n:
            message = consumer.poll(SECONDS)
            assert message is not None, "nothing came"
            if message.error():
                raise KafkaException(message.error())
            found.append(message.value().decode())
        consumer.commit(asynchronous=False)
        return found
    finally:
        consumer.close()


def refused(attempt):
    """Run what should be refused; give the error's code, or None when it was not."""
    try:
        attempt()
    except KafkaException as error:
        return error.args[0].code()
    return None


def test_a_student_creates_writes_and_reads_below_the_own_prefix(lab, ana):
    """Everything a lesson does works with the student's own login: topic, producer, group, commit, transaction, delete."""
    assert consume(lab, ana, "ana.pedidos", "ana.painel", 10) == [f"event {number}" for number in range(10)]
    producer = Producer(settings(lab, ana, **{"transactional.id": "ana.carga"}))
    producer.init_transactions(SECONDS)
    producer.begin_transaction()
    producer.produce("ana.pedidos", "in a transaction")
    producer.commit_transaction(SECONDS)
    make_topic(lab, ana, "ana.curto", 3)
    client = admin(lab, ana)
    assert set(client.list_topics(timeout=SECONDS).topics) == {"ana.pedidos", "ana.curto"}
    client.delete_consumer_groups(["ana.painel"])["ana.painel"].result(SECONDS)
    client.delete_topics(["ana.curto"])["ana.curto"].result(SECONDS)


TOPIC, GROUP, CLUSTER, TRANSACTION = (
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
)


@pytest.mark.parametrize("user", ["ana2", "ana.b", "an", "ana-b", "bruno"])
def test_another_student_is_refused_every_operation(lab, ana, user):
    """Neighbours in the alphabet as well as strangers: describe, read, write, create, delete, groups, transactions, offsets."""
    other = kafka.grant(lab, user)
    client = admin(lab, other)
    assert "ana.pedidos" not in client.list_topics(timeout=SECONDS).topics
    assert client.list_topics("ana.pedidos", timeout=SECONDS).topics["ana.pedidos"].error.code() == TOPIC
    assert set(produce(lab, other, "ana.pedidos", ["planted"])) == {TOPIC}
    assert refused(lambda: consume(lab, other, "ana.pedidos", f"{other.username}.g", 1)) == TOPIC
    assert refused(lambda: offsets(lab, other)) is not None
    assert refused(lambda: make_topic(lab, other, "ana.planted")) == TOPIC
    assert refused(lambda: make_topic(lab, other, "shared")) == TOPIC
    assert refused(lambda: client.delete_topics(["ana.pedidos"])["ana.pedidos"].result(SECONDS)) == TOPIC
    grown = client.create_partitions([NewPartitions("ana.pedidos", 4)])
    assert refused(lambda: grown["ana.pedidos"].result(SECONDS)) == TOPIC
    make_topic(lab, other, f"{other.username}.own")
    assert refused(lambda: consume(lab, other, f"{other.username}.own", "ana.painel", 1)) == GROUP
    assert refused(lambda: client.describe_consumer_groups(["ana.painel"])["ana.painel"].result(SECONDS)) == GROUP
    assert refused(lambda: client.delete_consumer_groups(["ana.painel"])["ana.painel"].result(SECONDS)) == GROUP
    producer = Producer(settings(lab, other, **{"transactional.id": "ana.carga"}))
    assert refused(lambda: producer.init_transactions(SECONDS)) == TRANSACTION
    topics = {"ana.pedidos", "ana.planted", "shared"} & set(AdminClient(kafka.admin_settings(lab)).list_topics(timeout=SECONDS).topics)
    assert topics == {"ana.pedidos"}


def offsets(lab, access):
    """Ask where the partition begins and ends, as a reader without a group would."""
    consumer = Consumer(settings(lab, access, **{"group.id": f"{access.username}.x"}))
    try:
        return consumer.get_watermark_offsets(TopicPartition("ana.pedidos", 0), timeout=SECONDS)
    finally:
        consumer.close()


def test_nobody_gives_themselves_rights(lab, ana):
    """Access lists, others' logins and the cluster's own settings are the lab's alone."""
    from confluent_kafka.admin import ScramCredentialInfo, ScramMechanism, UserScramCredentialUpsertion

    client = admin(lab, ana)
    for future in client.create_acls(kafka.bindings("bruno")).values():
        assert refused(lambda future=future: future.result(SECONDS)) == CLUSTER
    change = UserScramCredentialUpsertion(kafka.ADMIN, ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096), b"mine")
    for future in client.alter_user_scram_credentials([change]).values():
        assert refused(lambda future=future: future.result(SECONDS)) == CLUSTER


def test_without_a_login_nothing_answers(lab):
    """Plain text, a wrong password and PLAIN instead of SCRAM are all turned away, on the controller's port too."""
    right = kafka.admin_settings(lab)
    controller = f"127.0.0.1:{lab.settings.ports.kafka_controller}"
    wrong = [
        {**right, "sasl.password": "wrong"},
        {**right, "sasl.mechanism": "PLAIN"},
        {"bootstrap.servers": kafka.bootstrap(lab), "log_level": 0},
        {"bootstrap.servers": controller, "log_level": 0},
        {**right, "bootstrap.servers": controller, "sasl.mechanism": "PLAIN"},
    ]
    for options in wrong:
        with pytest.raises(KafkaException):
            AdminClient(options).list_topics(timeout=2)


def test_a_fresh_grant_ends_the_password_before_and_keeps_the_topics(lab):
    """Each server start brings a new password: the one of the last start opens nothing."""
    first = kafka.grant(lab, "clara")
    make_topic(lab, first, "clara.t")
    second = kafka.grant(lab, "clara")
    with pytest.raises(KafkaException):
        admin(lab, first).list_topics(timeout=2)
    assert set(admin(lab, second).list_topics(timeout=SECONDS).topics) == {"clara.t"}


def test_a_revoked_student_is_out_at_once_also_on_an_open_connection(lab):
    """The connection that was open may do nothing any more, a new one is not made, and the topics stay."""
    access = kafka.grant(lab, "dora")
    make_topic(lab, access, "dora.t")
    client, told = admin(lab, access), []
    producer = Producer(settings(lab, access, **{"message.timeout.ms": 8000}))
    producer.produce("dora.t", "before", on_delivery=lambda error, _message: told.append(error))
    producer.flush(SECONDS)
    kafka.revoke(lab, "dora")
    producer.produce("dora.t", "after", on_delivery=lambda error, _message: told.append(error))
    producer.flush(SECONDS)
    assert told[0] is None
    assert told[1] is not None
    with contextlib.suppress(KafkaException):
        assert "dora.t" not in client.list_topics(timeout=SECONDS).topics
    with pytest.raises(KafkaException):
        admin(lab, access).list_topics(timeout=2)
    assert "dora.t" in AdminClient(kafka.admin_settings(lab)).list_topics(timeout=SECONDS).topics
    kafka.revoke(lab, "dora")


def test_the_process_list_shows_no_password(lab):
    """Arguments and environments of the broker's own processes hold none of its secrets."""
    secrets = [(lab.workspace.secrets / name).read_text().strip() for name in kafka.SECRETS]
    broker = [process for process in members(lab_id(lab)) if "kafka.Kafka" in process.cmdline()]
    assert len(broker) == 1
    shown = " ".join(broker[0].cmdline()) + " ".join(broker[0].environ().values())
    assert not [secret for secret in secrets if secret in shown]
    assert "fatal" not in (lab.workspace.logs / "kafka.log").read_text().lower()
    assert (lab.workspace.run / "kafka" / "server.properties").stat().st_mode & 0o077 == 0


def test_what_was_granted_and_written_outlives_a_restart(lab, ana):
    """A restart renders and formats again, and changes nothing: same login, same events."""
    operations.restart(lab, "kafka")
    assert consume(lab, ana, "ana.pedidos", "ana.depois", 10)[:10] == [f"event {number}" for number in range(10)]


def test_status_tells_what_is_wanted(lab):
    """The broker runs and is wanted; `down` leaves it stopped, and then nobody misses it."""
    row = next(row for row in operations.status(lab) if row.name == "kafka")
    assert (row.healthy, row.wanted) == (True, True)
    operations.down(lab, lambda _line: None)
    row = next(row for row in operations.status(lab) if row.name == "kafka")
    assert (row.state, row.wanted) == ("stopped", False)
