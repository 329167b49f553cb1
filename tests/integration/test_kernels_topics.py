"""`topics` as a lesson uses it: with the lab's broker, with Spark, and with a broker of the kernel's own."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from tests.integration.services_lab import with_kafka

from dataflow_hub.datagen import events
from dataflow_hub.grading.run import Plan, run_submission
from dataflow_hub.operations.produce import produce
from dataflow_hub.server.environment import lab_environment
from dataflow_hub.services import kafka
from dataflow_kernels.errors import BrokerMissing, CredentialsRefused, KernelError, TopicMissing
from dataflow_kernels.install import local_environment
from dataflow_kernels.spark import LabSpark
from dataflow_kernels.topics import Topics

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    with with_kafka(tmp_path_factory.mktemp("topics") / "state") as lab:
        yield lab


@pytest.fixture(scope="module")
def live(lab):
    return Topics(lab_environment(lab, "ana", language="en", topics=kafka.grant(lab, "ana")))


@pytest.fixture(scope="module")
def local(tmp_path_factory, lab):
    topics = Topics(local_environment(lab.workspace.jars, tmp_path_factory.mktemp("local"), user="ana"))
    yield topics
    if topics._local:
        topics._local.stop()


@pytest.mark.parametrize("kind", ["live", "local"])
def test_the_same_cells_run_live_and_on_the_kernels_own_broker(kind, request):
    """Create, produce, look, consume, offsets, delete: nothing in the cells says which Kafka it is."""
    topics = request.getfixturevalue(kind)
    assert topics.create("pedidos", 2) == topics.create("pedidos", 2) == "ana.pedidos"
    with pytest.raises(KernelError, match="has 2 partitions, not 3"):
        topics.create("pedidos", 3)
    producer = topics.producer(linger_ms=5)
    for number in range(30):
        producer.produce(topics.name("pedidos"), key=f"A{number % 3}", value=json.dumps({"n": number}))
    assert producer.flush(15) == 0
    frame = topics.read("pedidos", 100)
    assert sorted(json.loads(value)["n"] for value in frame["value"]) == list(range(30))
    assert (frame.groupby("key")["partition"].nunique() == 1).all()
    assert len(topics.read("pedidos", 4)) == 4
    assert sum(following - first for first, following in topics.offsets("pedidos").values()) == 30
    consumer, seen = topics.consumer("painel"), 0
    consumer.subscribe([topics.name("pedidos")])
    while seen < 30:
        message = consumer.poll(15)
        assert message is not None
        assert message.error() is None
        seen += 1
    consumer.close()
    assert "pedidos" in topics.list()
    topics.delete("pedidos")
    with pytest.raises(TopicMissing, match=r"There is no topic ana\.pedidos"):
        topics.offsets("pedidos")


def test_a_killed_broker_of_ones_own_comes_back_with_all_it_acknowledged(local):
    """Messages sent while it is away wait for it; a group reads all of them, then nothing, and all again once it was rewound."""
    topic = local.create("queda", 2)
    for away in (None, 0.5):
        if away is not None:
            local.restart_broker(away)
        producer = local.producer()
        for number in range(50):
            producer.produce(topic, key=str(number), value=str(number))
        assert producer.flush() == 0
    assert [len(read_all(local, "queda")), len(read_all(local, "queda"))] == [100, 0]
    local.rewind("leitor", "queda")
    assert len(read_all(local, "queda")) == 100
    local.forget("queda", keep=3)
    assert [following - first for first, following in local.offsets("queda").values()] == [3, 3]


def read_all(topics, topic):
    consumer = topics.consumer("leitor", enable_auto_commit=False, enable_partition_eof=True)
    try:
        values = [message.value() for message in topics.pending(consumer, topic)]
        if values:
            consumer.commit(asynchronous=False)
    finally:
        consumer.close()
    return values


def test_spark_reads_what_produce_sent(lab, live, tmp_path):
    """`./lab produce` into a student's topic; Spark reads it with the student's own login, and counts what was acknowledged."""
    made = produce(lab, "eventos", rate=400, seed=5, seconds=1, user="ana", report=lambda _line: None)
    assert (made.topic, made.sent, made.acknowledged) == ("ana.eventos", 400, 400)
    env = lab_environment(lab, "ana", language="en")
    spark = LabSpark(env.__class__(**{**vars(env), "lake_root": tmp_path.as_uri(), "spark_log": str(tmp_path / "spark.log")}))
    try:
        stream = spark.session().readStream.format("kafka").options(**live.options("eventos")).load()
        query = (
            stream.selectExpr("CAST(value AS STRING) AS value")
            .writeStream.format("delta")
            .option("checkpointLocation", f"{tmp_path}/checkpoint")
            .trigger(availableNow=True)
            .start(f"{tmp_path}/bronze")
        )
        assert query.awaitTermination(120)
        values = {row.value for row in spark.session().read.format("delta").load(f"{tmp_path}/bronze").collect()}
    finally:
        spark.stop()
    first = events.make((5, 0), events.CHUNK)  # the same seed, told by another clock: the same events
    sent = {f"E{event:010d}" for event in first.ledger.event[:400] if event >= 0}
    assert {json.loads(value)["evento_id"] for value in values if is_json(value)} == sent


def is_json(value):
    try:
        json.loads(value)
    except ValueError:
        return False
    return True


def test_a_revoked_login_and_a_broker_away_are_told_apart(lab):
    """The student reads which of the two it is, and what to do."""
    access = kafka.grant(lab, "zeca")
    topics = Topics(lab_environment(lab, "zeca", language="en", topics=access))
    topics.create("t")
    kafka.revoke(lab, "zeca")
    with pytest.raises(CredentialsRefused, match="refused the login of zeca"):
        topics.list()
    nowhere = Topics(lab_environment(lab, "zeca", language="en", topics=kafka.KafkaAccess("127.0.0.1:9", "zeca", "x")))
    with pytest.raises(BrokerMissing, match="does not answer"):
        nowhere.list()


OWN_BROKER = """
import sys, time
from dataflow_kernels.environ import LabEnv
from dataflow_kernels.topics import Topics
topics = Topics(LabEnv.from_environ())
topics.create("t")
print(topics._local.keeper.pid, topics._local.folder, flush=True)
time.sleep(600)
"""


def test_the_kernels_own_broker_dies_with_a_killed_kernel(lab, tmp_path):
    """kill -9 of the kernel: the broker, its keeper and their folder are gone seconds later."""
    env = local_environment(lab.workspace.jars, tmp_path, user="ana").to_environ()
    kernel = subprocess.Popen([sys.executable, "-c", OWN_BROKER], env=os.environ | env, stdout=subprocess.PIPE, text=True)
    pid, folder = kernel.stdout.readline().split()
    keeper = psutil.Process(int(pid))
    family = [keeper, *keeper.children(recursive=True)]
    assert len(family) == 2
    kernel.kill()
    kernel.communicate()
    _gone, alive = psutil.wait_procs(family, timeout=15)
    assert alive == []
    end = time.monotonic() + 5
    while Path(folder).exists() and time.monotonic() < end:
        time.sleep(0.1)
    assert not Path(folder).exists()


CELLS = (
    "topics.create('pedidos', 2)",
    "producer = topics.producer()\nfor n in range(5): producer.produce(topics.name('pedidos'), key='k', value=str(n))\nproducer.flush(20)",
    "print(sorted(topics.read('pedidos')['value']), topics.list())",
)


def test_in_the_grading_box_without_network_the_same_cells_run(lab, tmp_path):
    """The box has loopback only and no server: `topics` brings its own broker, and nothing of it is alive afterwards."""
    into = tmp_path / "out"
    result = run_submission(lab, Plan(cells=CELLS), into)
    assert result.error == ""
    text = "".join(output.get("text", "") for output in result.outputs[2])
    assert text.strip() == "['0', '1', '2', '3', '4'] ['pedidos']"
    assert not [each for outputs in result.outputs for each in outputs if each.get("name") == "stderr"]
