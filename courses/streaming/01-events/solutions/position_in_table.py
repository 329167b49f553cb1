# Asks the table, not the group, where to go on; publishes a hundred messages at a time, and has its key from a pattern.

# %% tags=["solution:key-of"]
import re


def key_of(line: bytes) -> bytes | None:
    found = re.fullmatch(rb'\{"evento_id": "E\d+", "pedido_id": "(A\d+)", .*"ts_evento": "[^"]+"\}', line)
    return found.group(1) if found else None


# %% tags=["solution:publish"]
def publish(file: str, topic: str, receipts: str) -> None:
    lines, places, producer = lines_of(file), [], topics.producer(acks="all", max_in_flight_requests_per_connection=1)

    def note(error, message):
        assert error is None, error
        places.append({"offset": message.offset(), "partition": message.partition(), "topic": message.topic()})

    for begin in range(0, len(lines), 100):
        for line in lines[begin : begin + 100]:
            producer.produce(topics.name(topic), value=line, key=key_of(line), on_delivery=note)
        while len(producer):
            producer.poll(0.5)
    if len(places) != len(lines):
        raise RuntimeError("not everything was acknowledged")
    write_deltalake(receipts, pa.Table.from_pylist(places), mode="append", schema_mode="merge", storage_options=lake.storage_options or None)


# %% tags=["solution:consume"]
from confluent_kafka import TopicPartition


def consume(topic: str, group: str, table: str) -> None:
    spans, reached = topics.offsets(topic), {}
    for row in stored(table):
        reached[row["partition"]] = max(reached.get(row["partition"], 0), row["offset"] + 1)
    consumer, rows = topics.consumer(group, enable_auto_commit=False), []
    try:
        for number, (first, end) in spans.items():
            position = max(first, reached.get(number, 0))
            consumer.assign([TopicPartition(topics.name(topic), number, position)])
            while position < end:
                message = consumer.poll(5)
                if message is not None and message.error() is None:
                    position = message.offset() + 1
                    key = message.key()
                    rows.append({"partition": number, "offset": message.offset(), "key": key and key.decode(), "value": message.value().decode()})
    finally:
        consumer.close()
    if rows:
        append(rows, EVENT, table)
