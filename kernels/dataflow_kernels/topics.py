"""`topics`: the student's own Kafka topics, with names and login filled in.

Where no Kafka server belongs to the run, a broker of the kernel's own is started when it is first needed, so that the same
cell runs live, in CI and where there is no network.
"""

from __future__ import annotations

import re
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dataflow_kernels.environ import RESTART, LabEnv, variable
from dataflow_kernels.errors import BrokerMissing, CredentialsRefused, EnvironmentMissing, KernelError, TopicMissing
from dataflow_kernels.namespaces import namespace

if TYPE_CHECKING:
    import pandas as pd
    from confluent_kafka import Consumer, Message, Producer
    from confluent_kafka.admin import AdminClient

    from dataflow_kernels.local_broker import LocalBroker

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_LONGEST = 249
_TIMEOUT_SECONDS = 15.0
_LOGIN = "org.apache.kafka.common.security.scram.ScramLoginModule required"


class SparkOptions(dict[str, str]):
    """Options for Spark's Kafka source; shown without the password, since what a cell shows is saved with the notebook."""

    def __repr__(self) -> str:
        return repr({key: "…" if key.endswith("jaas.config") else value for key, value in self.items()})


class Topics:
    """The student's part of Kafka: every topic, group and transaction is below one prefix."""

    def __init__(self, env: LabEnv, broker: LocalBroker | None = None) -> None:
        """`broker` is one that is running already and that others may share."""
        self._env = env
        self._local = broker
        self._own: Topics | None = None
        missing = [variable(name) for name in ("kafka_username", "kafka_password") if env.kafka_bootstrap and not getattr(env, name)]
        if missing:
            raise EnvironmentMissing(f"Kafka at {env.kafka_bootstrap} needs {', '.join(missing)}.", fix=RESTART)

    def __repr__(self) -> str:
        where = self._env.kafka_bootstrap or (self._local.bootstrap if self._local else "not started")
        return f"Topics({where!r}, prefix={self.prefix!r})"

    @property
    def prefix(self) -> str:
        """What the full name of everything of the student's begins with: `ana.`."""
        return f"{self._env.kafka_username or namespace(self._env.user)}."

    @property
    def bootstrap(self) -> str:
        """The broker's address.

        Raises
        ------
        BrokerMissing
            No Kafka belongs to this run.
        """
        if self._env.kafka_bootstrap:
            return self._env.kafka_bootstrap
        if self._local is None:
            from dataflow_kernels.local_broker import start

            self._local = start(self._env)
            weakref.finalize(self, self._local.stop)  # where many runs follow each other in one process, each has its own
        return self._local.bootstrap

    def own_broker(self) -> Topics:
        """Give `topics` on a broker of the kernel's own, empty at first, which may be killed; itself where that is the case already."""
        if not self._env.kafka_bootstrap:
            return self
        if self._own is None:
            self._own = Topics(replace(self._env, kafka_bootstrap="", kafka_username="", kafka_password=""))
        return self._own

    def restart_broker(self, away_seconds: float = 0.0) -> None:
        """Kill the kernel's own broker, and let it come back `away_seconds` later; who needs it meanwhile has to wait.

        Raises
        ------
        KernelError
            The broker is not the kernel's own.
        """
        if self._env.kafka_bootstrap:
            raise KernelError("This Kafka belongs to everybody.", fix="topics.own_broker() gives a broker of your own, to do that to.")
        assert self.bootstrap
        assert self._local is not None
        self._local.restart(away_seconds)

    def name(self, topic: str) -> str:
        """Give a topic's full name: `topics.name("pedidos")` is `ana.pedidos`. Groups and transactions are named alike.

        Raises
        ------
        KernelError
            Kafka takes no such name.
        """
        full = topic if topic.startswith(self.prefix) else self.prefix + topic
        if not _NAME.fullmatch(topic) or len(full) > _LONGEST:
            raise KernelError(f"{topic!r} is no name for a topic.", fix="Use plain letters, digits, dots, dashes and underscores.")
        return full

    def create(self, topic: str, partitions: int = 1) -> str:
        """Make the topic unless it is there, and give its full name.

        Raises
        ------
        KernelError
            It is there with another number of partitions.
        """
        from confluent_kafka.admin import NewTopic

        full = self.name(topic)
        with self._explained(full):
            present = self._partitions(full)
            if present and present != partitions:
                raise KernelError(f"{full} has {present} partitions, not {partitions}.", fix=f"topics.delete({topic!r}) first.")
            if not present:
                client = self._admin()
                client.create_topics([NewTopic(full, partitions, 1)])[full].result(_TIMEOUT_SECONDS)
                self._await(lambda: self._partitions(full) == partitions)
        return full

    def delete(self, topic: str) -> None:
        """Delete the topic with all that is in it, if it is there."""
        full = self.name(topic)
        with self._explained(full):
            if self._partitions(full):
                client = self._admin()
                client.delete_topics([full])[full].result(_TIMEOUT_SECONDS)
                self._await(lambda: not self._partitions(full))

    def list(self) -> list[str]:
        """Give the student's topics, sorted, as they were named to `create`."""
        with self._explained():
            found = self._admin().list_topics(timeout=_TIMEOUT_SECONDS).topics
        return sorted(name.removeprefix(self.prefix) for name in found if name.startswith(self.prefix))

    def producer(self, **options: Any) -> Producer:
        """Give a confluent-kafka producer: acks from every copy, and no duplicate when it tries again, unless `options` say else.

        `options` are librdkafka's; a keyword's underscores stand for dots: `topics.producer(linger_ms=50)`.
        """
        from confluent_kafka import Producer

        given = _dotted(options)
        if "transactional.id" in given:
            given["transactional.id"] = self.name(str(given["transactional.id"]))
        idempotent = {} if "acks" in given else {"enable.idempotence": True}
        return Producer(self._client() | {"acks": "all"} | idempotent | given)

    def consumer(self, group: str, **options: Any) -> Consumer:
        """Give a confluent-kafka consumer of the student's group of that name, which begins at the earliest event it has not committed."""
        from confluent_kafka import Consumer

        return Consumer(self._client() | {"auto.offset.reset": "earliest"} | _dotted(options) | {"group.id": self.name(group)})

    def pending(self, consumer: Consumer, topic: str) -> Iterator[Message]:
        """Give what the consumer's group has not committed yet, up to where each partition ends now. Nothing is committed.

        It takes all partitions to itself: for a consumer that is started, reads what there is, and ends.
        """
        from dataflow_kernels.pending import pending

        full = self.name(topic)
        with self._explained(full):
            yield from pending(consumer, full, self._required(full))

    def rewind(self, group: str, topic: str) -> None:
        """Send the group back to the topic's beginning, as if it had committed nothing; no consumer of it may be at work."""
        from confluent_kafka import TopicPartition

        from dataflow_kernels.pending import settled

        first = [TopicPartition(self.name(topic), number, begin) for number, (begin, _) in self.offsets(topic).items()]
        consumer = self.consumer(group, enable_auto_commit=False)
        try:
            with self._explained(self.name(topic)):
                settled(lambda: consumer.commit(offsets=first, asynchronous=False))
        finally:
            consumer.close()

    def forget(self, topic: str, keep: int) -> None:
        """Throw away all but the last `keep` messages of each partition, as a topic's retention does with old ones."""
        from confluent_kafka import TopicPartition

        full, spans = self.name(topic), self.offsets(topic)
        kept = [TopicPartition(full, number, max(begin, end - keep)) for number, (begin, end) in spans.items()]
        with self._explained(full):
            client = self._admin()  # it must live until it has answered
            for done in client.delete_records(kept).values():
                done.result(_TIMEOUT_SECONDS)

    def options(self, topic: str) -> SparkOptions:
        """Give the options of Spark's source: `spark.readStream.format("kafka").options(**topics.options("pedidos")).load()`."""
        read = {"subscribe": self.name(topic), "startingOffsets": "earliest", "groupIdPrefix": f"{self.prefix}spark"}
        return SparkOptions(self._spark() | read)

    def sink_options(self, topic: str) -> SparkOptions:
        """Give the options with which Spark writes into the topic."""
        return SparkOptions(self._spark() | {"topic": self.name(topic)})

    def offsets(self, topic: str) -> dict[int, tuple[int, int]]:
        """Give for each partition the first offset there is and the one that the next event will get."""
        full = self.name(topic)
        with self._explained(full), self._reader() as reader:
            return {number: self._span(reader, full, number) for number in range(self._required(full))}

    def read(self, topic: str, limit: int = 20) -> pd.DataFrame:
        """Give the first `limit` events as a data frame to look at: partition, offset, timestamp, key, value. Nothing is committed."""
        import pandas as pd

        full = self.name(topic)
        with self._explained(full), self._reader() as reader:
            spans = {number: self._span(reader, full, number) for number in range(self._required(full))}
            rows = list(_events(reader, full, spans, limit))
        frame = pd.DataFrame(rows, columns=["partition", "offset", "timestamp", "key", "value"])
        frame["timestamp"] = pd.to_datetime(frame["timestamp"], unit="ms", utc=True)
        return frame

    # -- what all of it stands on --------------------------------------------------

    def _client(self) -> dict[str, Any]:
        # it logs to standard error, which a graded cell must not; and it would look only every ten seconds for a broker that was away
        common = {"bootstrap.servers": self.bootstrap, "log_level": 0, "reconnect.backoff.max.ms": 500}
        if not self._env.kafka_bootstrap:
            return common
        login = {"sasl.username": self._env.kafka_username, "sasl.password": self._env.kafka_password}
        return common | {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "SCRAM-SHA-512"} | login

    def _spark(self) -> dict[str, str]:
        address = {"kafka.bootstrap.servers": self.bootstrap}
        if not self._env.kafka_bootstrap:
            return address
        jaas = f'{_LOGIN} username="{self._env.kafka_username}" password="{self._env.kafka_password}";'
        security = {"kafka.security.protocol": "SASL_PLAINTEXT", "kafka.sasl.mechanism": "SCRAM-SHA-512"}
        return address | security | {"kafka.sasl.jaas.config": jaas}

    def _admin(self) -> AdminClient:
        from confluent_kafka.admin import AdminClient

        return AdminClient(self._client())

    @contextmanager
    def _reader(self) -> Iterator[Consumer]:
        from confluent_kafka import Consumer

        reader = Consumer(self._client() | {"group.id": f"{self.prefix}topics", "enable.auto.commit": False, "enable.partition.eof": True})
        try:
            yield reader
        finally:
            reader.close()

    def _partitions(self, full: str) -> int:
        """Give how many partitions a topic has; 0 when there is none."""
        found = self._admin().list_topics(timeout=_TIMEOUT_SECONDS).topics.get(full)
        return len(found.partitions) if found is not None else 0

    def _required(self, full: str) -> int:
        count = self._partitions(full)
        if not count:
            raise self._missing(full)
        return count

    def _missing(self, full: str) -> TopicMissing:
        return TopicMissing(f"There is no topic {full}.", fix=f"topics.create({full.removeprefix(self.prefix)!r}) makes it.")

    @staticmethod
    def _span(reader: Consumer, full: str, number: int) -> tuple[int, int]:
        from confluent_kafka import TopicPartition

        from dataflow_kernels.pending import span

        return span(reader, TopicPartition(full, number))

    @staticmethod
    def _await(done: Any) -> None:
        end = time.monotonic() + _TIMEOUT_SECONDS
        while not done() and time.monotonic() < end:
            time.sleep(0.05)

    @contextmanager
    def _explained(self, full: str = "") -> Iterator[None]:
        """Turn Kafka's refusals into what a student can act on."""
        from confluent_kafka import KafkaError, KafkaException

        try:
            yield
        except KafkaException as error:
            code = error.args[0].code()
            if code == KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise self._missing(full) from error
            if code in {KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.GROUP_AUTHORIZATION_FAILED}:
                raise CredentialsRefused(f"Your login may not do this with {full}.", why=error.args[0].str(), fix=RESTART) from error
            if code in {KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN, KafkaError._TIMED_OUT, KafkaError._AUTHENTICATION}:  # noqa: SLF001 - the library's own names
                raise self._silent() from error
            raise

    def _silent(self) -> KernelError:
        """Tell a broker that is away from a login that is refused: librdkafka goes on trying with either."""
        from confluent_kafka import KafkaError, KafkaException
        from confluent_kafka.admin import AdminClient

        heard: list[int] = []
        client = AdminClient(self._client() | {"error_cb": lambda error: heard.append(error.code())})
        try:
            client.list_topics(timeout=2)
        except KafkaException:
            client.poll(0.5)
        if KafkaError._AUTHENTICATION in heard:  # noqa: SLF001 - the library's own name
            return CredentialsRefused(
                f"Kafka at {self.bootstrap} refused the login of {self._env.kafka_username}.",
                why="It was revoked or replaced since this kernel started.",
                fix=RESTART,
            )
        fix = "Wait a moment and run the cell again; then tell your instructor."
        return BrokerMissing(f"Kafka at {self.bootstrap} does not answer.", fix=fix)


def _dotted(options: dict[str, Any]) -> dict[str, Any]:
    """Give librdkafka's names; callbacks keep their underscores."""
    return {key if key.endswith("_cb") or key.startswith("on_") else key.replace("_", "."): value for key, value in options.items()}


def _events(reader: Consumer, full: str, spans: dict[int, tuple[int, int]], limit: int) -> Iterator[tuple[Any, ...]]:
    """Give up to `limit` events, partition after partition, each to where it ended when we began."""
    from confluent_kafka import KafkaError, KafkaException, TopicPartition

    for number, (first, following) in spans.items():
        reader.assign([TopicPartition(full, number, first)])
        position = first
        while position < following and limit > 0:
            message = reader.poll(_TIMEOUT_SECONDS)
            if message is None or (message.error() and message.error().code() == KafkaError._PARTITION_EOF):  # noqa: SLF001 - the library's own name
                break
            if message.error():
                raise KafkaException(message.error())
            position, limit = message.offset() + 1, limit - 1
            yield number, message.offset(), message.timestamp()[1], _text(message.key()), _text(message.value())


def _text(data: bytes | None) -> str | None:
    return None if data is None else data.decode("utf-8", errors="replace")
