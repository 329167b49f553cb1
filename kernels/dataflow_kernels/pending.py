"""What a consumer's group has not read yet, up to where the topic ends now: a stream read as far as it goes, then let go."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeVar

from dataflow_kernels.errors import KernelError

if TYPE_CHECKING:
    from confluent_kafka import Consumer, Message, TopicPartition

Answer = TypeVar("Answer")
_PATIENCE_SECONDS = 60.0
_POLL_SECONDS, _AGAIN_SECONDS = 1.0, 0.2


def pending(consumer: Consumer, topic: str, partitions: int) -> Iterator[Message]:
    """Give the messages of every partition from the group's position to the end that it has now; nothing is committed.

    Parameters
    ----------
    topic
        The full name.

    Raises
    ------
    KafkaException
        The broker refused.
    KernelError
        No message came for a minute, though there should be some.
    """
    from confluent_kafka import KafkaError, KafkaException, TopicPartition

    parts = _positions(consumer, [TopicPartition(topic, number) for number in range(partitions)])
    left = _unread(consumer, parts)
    consumer.assign(parts)
    heard = time.monotonic()
    while left:
        message = consumer.poll(_POLL_SECONDS)
        if message is None:
            if time.monotonic() - heard > _PATIENCE_SECONDS:
                fix = "Where does your consumer begin? Is Kafka there?"
                raise KernelError(f"No message of {topic} came for {_PATIENCE_SECONDS:.0f} seconds.", fix=fix)
            continue
        heard, number = time.monotonic(), message.partition()
        if message.error() is None:
            if message.offset() + 1 >= left.get(number, 0):
                left.pop(number, None)
            yield message
        elif message.error().code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - the library's own name
            left.pop(number, None)
        else:
            raise KafkaException(message.error())


def _unread(consumer: Consumer, parts: list[TopicPartition]) -> dict[int, int]:
    """Give the end of each partition that holds something beyond its position."""
    ends = {}
    for part in parts:
        first, following = span(consumer, part)
        if following > max(first, part.offset):
            ends[part.partition] = following
    return ends


def span(consumer: Consumer, part: TopicPartition) -> tuple[int, int]:
    """Give the first offset that a partition has, and the one that its next message will get."""
    first, following = settled(lambda: consumer.get_watermark_offsets(part, timeout=_PATIENCE_SECONDS))
    return first, following


def _positions(consumer: Consumer, parts: list[TopicPartition]) -> list[TopicPartition]:
    """Ask where the group is; one that nobody has used for a while has no coordinator at first."""
    return settled(lambda: consumer.committed(parts, timeout=_PATIENCE_SECONDS))


def settled(ask: Callable[[], Answer]) -> Answer:
    """Ask until the broker knows who leads: for a moment after a start, or when it was too busy to say that it lives, nobody does."""
    from confluent_kafka import KafkaError, KafkaException

    nobody_yet = {
        KafkaError.NOT_COORDINATOR,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.LEADER_NOT_AVAILABLE,
    }
    end = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            return ask()
        except KafkaException as error:
            if time.monotonic() > end or error.args[0].code() not in nobody_yet:
                raise
            time.sleep(_AGAIN_SECONDS)
