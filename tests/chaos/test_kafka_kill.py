"""Kafka is killed in mid-work: what was acknowledged is there once, and whoever produces goes on."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from tests.integration.services_lab import with_kafka

from dataflow_hub.operations import lab as operations
from dataflow_hub.services import kafka

pytestmark = pytest.mark.chaos


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    with with_kafka(tmp_path_factory.mktemp("kafka") / "state") as lab:
        yield lab


def row_of(lab):
    return next(row for row in operations.status(lab) if row.name == "kafka")


def kill_and_await(lab):
    """Kill the broker; wait until another one answers, and give how long that took."""
    pid, began = row_of(lab).pid, time.monotonic()
    os.kill(pid, signal.SIGKILL)
    while not ((row := row_of(lab)).healthy and row.pid != pid):
        assert time.monotonic() - began < 90, "kafka is not back"
        time.sleep(0.2)
    return time.monotonic() - began


def everything_in(lab, topic):
    """Read a topic to its end."""
    consumer = Consumer(kafka.admin_settings(lab) | {"group.id": "tests", "enable.auto.commit": False})
    try:
        found = []
        for number in consumer.list_topics(topic, timeout=10).topics[topic].partitions:
            first, following = consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=10)
            consumer.assign([TopicPartition(topic, number, first)])
            position = first
            while position < following:
                message = consumer.poll(15)
                assert message is not None
                assert message.error() is None
                position = message.offset() + 1
                found.append(message.value().decode())
        return found
    finally:
        consumer.close()


def test_every_acknowledged_event_survives_kill_9_once(lab):
    """F3: kill -9 of the broker in the middle of 20,000 events with acks=all; each one that was acknowledged is there exactly once."""
    access = kafka.grant(lab, "ana")
    kafka.ensure_topic(lab, "ana.carga", 3)
    acknowledged, enough = [], threading.Event()

    def note(error, message):
        if error is None:
            acknowledged.append(message.value().decode())
            if len(acknowledged) >= 3000:
                enough.set()

    settings = {"acks": "all", "enable.idempotence": True, "message.timeout.ms": 120_000}
    producer = Producer(kafka.client_settings(lab, access.username, access.password) | settings)

    def load():
        for number in range(20_000):
            while True:
                try:
                    producer.produce("ana.carga", f"event {number}", on_delivery=note)
                    break
                except BufferError:
                    producer.poll(0.1)
            producer.poll(0)
            if number % 500 == 0:
                time.sleep(0.05)
        producer.flush(120)

    thread = threading.Thread(target=load)
    thread.start()
    assert enough.wait(60)
    before = len(acknowledged)
    seconds = kill_and_await(lab)
    thread.join(150)
    assert not thread.is_alive()
    assert before < 20_000, "the kill was to fall into the middle"
    counted = Counter(everything_in(lab, "ana.carga"))
    assert len(acknowledged) == len(set(acknowledged)) == 20_000, f"back after {seconds:.1f} s"
    assert set(counted) == set(acknowledged)
    assert max(counted.values()) == 1


def test_produce_survives_a_killed_broker_and_ends_cleanly_on_ctrl_c(lab):
    """`./lab produce` waits for the broker to come back; Ctrl-C: the count it prints is what is in the topic, and no traceback."""
    argv = [sys.executable, "-m", "dataflow_hub.cli", "produce", "eventos", "--rate", "200", "--seed", "3", "--user", "ana"]
    running = subprocess.Popen(
        argv, env=os.environ | lab.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        kafka.ensure_topic(lab, "ana.eventos", 3)
        end = time.monotonic() + 60
        while len(everything_in(lab, "ana.eventos")) < 200:
            assert time.monotonic() < end
        kill_and_await(lab)
        after = len(everything_in(lab, "ana.eventos"))
        while len(everything_in(lab, "ana.eventos")) <= after + 200:
            assert time.monotonic() < end + 120
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=40)
    finally:
        running.kill()
        running.communicate()
    assert running.returncode == 0, err
    assert "Traceback" not in err
    values = everything_in(lab, "ana.eventos")
    assert out.strip() == f"{len(values)} events acknowledged in ana.eventos"
    from itertools import islice

    from dataflow_hub.datagen import events

    expected = Counter(id_of(message.value) for message in islice(events.stream(3, 0, 200.0), len(values)))
    assert Counter(id_of(value.encode()) for value in values) == expected


def id_of(value):
    """Give the event's id, or "" for a malformed message, whose bytes hold a time."""
    import json

    try:
        return json.loads(value)["evento_id"]
    except ValueError:
        return ""
