"""A producer of Loja Aurora's events: seeded, at a steady rate, and nothing acknowledged is ever sent twice or lost."""

from __future__ import annotations

import itertools
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dataflow_hub.datagen import events
from dataflow_hub.errors import LabError, ServiceError
from dataflow_hub.services import kafka
from dataflow_hub.settings import Lab
from dataflow_kernels.namespaces import namespace

if TYPE_CHECKING:
    from confluent_kafka import Producer

_PARTITIONS = 3
_PATIENCE_SECONDS = 600  # a broker that is away for less costs nothing but time
_LAST_SECONDS = 20
_TELL_SECONDS = 5.0


@dataclass
class Produced:
    """How many events were sent into which topic, and how many of them the broker acknowledged."""

    topic: str
    sent: int = 0
    acknowledged: int = 0
    refused: str = ""
    stopped: bool = False

    def note(self, error: Any, _message: Any) -> None:
        """Take one delivery report."""
        if error is None:
            self.acknowledged += 1
        else:
            self.refused = self.refused or str(error.str())


def produce(  # noqa: PLR0913 - one argument an option of the command
    lab: Lab, topic: str, *, rate: float, seed: int, seconds: float, user: str, report: Callable[[str], None]
) -> Produced:
    """Send events into `topic` (into the one of `user` of that name, when given) for `seconds`, or until Ctrl-C when 0.

    Raises
    ------
    ServiceError
        Kafka does not answer at the start, was away for ten minutes, or refuses.
    """
    from confluent_kafka import Producer

    made = Produced(f"{namespace(user)}.{topic}" if user else topic)
    kafka.ensure_topic(lab, made.topic, _PARTITIONS)
    report(f"Sending {rate:g} events a second into {made.topic}; Ctrl-C ends it")
    settings = {"acks": "all", "enable.idempotence": True, "message.timeout.ms": _PATIENCE_SECONDS * 1000, "linger.ms": 20}
    producer = Producer(kafka.admin_settings(lab) | settings)
    endless = events.stream(seed, int(time.time() * 1000), rate)
    wanted = itertools.islice(endless, max(1, round(rate * seconds)) if seconds else None)
    with _interruptible(made):
        _send(producer, made, wanted, rate, report)
        left = producer.flush(_LAST_SECONDS)
    if left or made.refused:
        why = made.refused or f"{left} events are not acknowledged."
        raise ServiceError(f"Only {made.acknowledged} of {made.sent} events arrived.", why=why, fix="./lab status, ./lab logs kafka")
    return made


@contextmanager
def _interruptible(made: Produced) -> Iterator[None]:
    """Let Ctrl-C ask for the end: raised in the middle of a call of librdkafka, it would come out as a SystemError."""

    def ask(_number: int, _frame: Any) -> None:
        made.stopped = True

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _send(producer: Producer, made: Produced, messages: Iterator[events.Message], rate: float, report: Callable[[str], None]) -> None:
    began = told = time.monotonic()
    for message in messages:
        while (wait := began + made.sent / rate - time.monotonic()) > 0 and not made.stopped:
            producer.poll(min(wait, 0.2))
        while not made.stopped and not _queued(producer, made, message):
            producer.poll(0.2)
        if made.stopped:
            return
        producer.poll(0)
        if made.refused:
            raise LabError(f"Kafka refused an event for {made.topic}.", why=made.refused, fix="./lab logs kafka")
        if time.monotonic() - told >= _TELL_SECONDS:
            told = time.monotonic()
            report(f"{made.sent} sent, {made.acknowledged} acknowledged")


def _queued(producer: Producer, made: Produced, message: events.Message) -> bool:
    """Hand a message over; False when the queue is full, as it gets while the broker is away."""
    try:
        producer.produce(made.topic, key=message.key, value=message.value, on_delivery=made.note)
        made.sent += 1
    except BufferError:
        return False
    return True
