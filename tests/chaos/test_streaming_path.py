"""F4 and F6 on the whole path, Kafka → Structured Streaming → Delta → dashboard: whatever is killed, each event arrives once.

The query with its JVM, the broker and the store are killed in turn while a producer goes on; nobody resets anything.
"""

import json
import os
import signal
import threading
import time
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from confluent_kafka import Producer
from deltalake import DeltaTable
from tests.integration.services_lab import installed

from dataflow_hub.dashboards import reader
from dataflow_hub.errors import ServiceError
from dataflow_hub.operations import lab as operations
from dataflow_hub.secrets import lab_id
from dataflow_hub.services import kafka
from dataflow_hub.services.family import members
from dataflow_hub.services.live_orders import TABLE, TOPIC
from dataflow_hub.services.store_accounts import DASHBOARDS, delta_options

pytestmark = pytest.mark.chaos
RATE = 40
SECONDS = 150


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    with installed(tmp_path_factory.mktemp("path") / "state", "live") as lab:
        yield lab


class Shop:
    """A producer that sends events until told to stop, every tenth of them twice, and remembers what the broker acknowledged."""

    def __init__(self, lab):
        self.acknowledged, self._stop = set(), threading.Event()
        options = {"acks": "all", "enable.idempotence": True, "message.timeout.ms": 120_000, "linger.ms": 5}
        self._producer = Producer(kafka.admin_settings(lab) | options)
        self._thread = threading.Thread(target=self._send)
        self._thread.start()

    def _send(self):
        number = 0
        while not self._stop.wait(1 / RATE):
            number += 1
            for _ in range(2 if number % 10 == 0 else 1):
                self._producer.produce(TOPIC, key=f"A{number % 7}", value=event(number), on_delivery=self._note)
            self._producer.poll(0)

    def _note(self, error, message):
        if error is None:
            self.acknowledged.add(json.loads(message.value())["evento_id"])

    def stop(self):
        self._stop.set()
        self._thread.join()
        assert self._producer.flush(120) == 0


def event(number):
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    value = {"evento_id": f"E{number:06d}", "pedido_id": f"A{number % 7}", "tipo": "pedido_criado", "valor": 9.5, "ts_evento": now}
    return json.dumps(value)


def pid_of(lab, name):
    return next(row.pid for row in operations.status(lab) if row.name == name)


def jvm_of(lab):
    found = [process for process in members(lab_id(lab)) if "org.apache.spark.deploy.SparkSubmit" in process.cmdline()]
    assert len(found) == 1, "one query has one JVM"
    return found[0].pid


def await_events(lab, enough):
    """Wait until the dashboard's reader shows what is wanted; give how long that took."""
    began = time.monotonic()
    while time.monotonic() - began < SECONDS:
        with suppress(ServiceError):
            live = reader.read_live(lab)
            if live is not None and enough(live):
                return time.monotonic() - began
        time.sleep(1)
    log = (lab.workspace.logs / "live-orders.log").read_text()[-3000:]
    raise AssertionError(f"not within {SECONDS} s:\n{log}")


def test_each_event_arrives_once_whatever_is_killed(lab, record_property):
    """The ids are the acknowledged ones, each once; the dashboard follows again after each kill, and tells when the source stops."""
    shop = Shop(lab)
    try:
        await_events(lab, lambda live: live.n_events > RATE)
        victims = {
            "query": lambda: (jvm_of(lab), pid_of(lab, "live-orders")),
            "broker": lambda: (pid_of(lab, "kafka"),),
            "store": lambda: (pid_of(lab, "object-store"),),
        }
        for name, pids in victims.items():
            for pid in pids():
                os.kill(pid, signal.SIGKILL)
            killed = len(shop.acknowledged)
            record_property(f"{name}_back_seconds", round(await_events(lab, lambda live, n=killed: live.n_events > n + RATE), 1))
    finally:
        shop.stop()
    await_events(lab, lambda live: live.n_events >= len(shop.acknowledged))
    time.sleep(4)  # one more look of the query: nothing comes twice
    ids = DeltaTable(f"s3://gold/{TABLE}", storage_options=delta_options(lab, DASHBOARDS)).to_pandas()["evento_id"]
    counted = Counter(ids)
    assert set(counted) == shop.acknowledged
    assert max(counted.values()) == 1
    live = reader.read_live(lab)
    assert not live.is_stale(live.newest + timedelta(seconds=5))
    assert live.is_stale(live.newest + reader.STALE_AFTER + timedelta(seconds=1))
    assert live.by_kind["eventos"].sum() == len(shop.acknowledged)
