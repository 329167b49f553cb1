# A subscribed consumer, chunk by chunk, each merged into the table by partition and offset and committed by its own offsets.

# %% tags=["solution:publish"]
import pandas as pd


def publish(file: str, topic: str, receipts: str) -> None:
    producer, told = topics.producer(linger_ms=20, compression_type="lz4"), []
    for line in lines_of(file):
        producer.produce(topics.name(topic), line, key_of(line), callback=lambda error, message: told.append((error, message)))
    while producer.flush(10):
        pass
    if any(error for error, _ in told):
        raise RuntimeError("the broker refused messages")
    frame = pd.DataFrame([(message.partition(), message.offset()) for _, message in told], columns=["partition", "offset"])
    write_deltalake(receipts, frame.astype({"partition": "int32"}), mode="append", storage_options=lake.storage_options or None)


# %% tags=["solution:consume"]
from confluent_kafka import KafkaError, KafkaException, TopicPartition


def consume(topic: str, group: str, table: str) -> None:
    name, waiting = topics.name(topic), set(topics.offsets(topic))
    consumer = topics.consumer(group, enable_auto_commit=False, enable_partition_eof=True)
    options = lake.storage_options or None
    try:
        consumer.subscribe([name])
        while waiting:
            chunk = []
            for message in consumer.consume(300, timeout=1):
                if message.error() is None:
                    chunk.append(message)
                elif message.error().code() == KafkaError._PARTITION_EOF:
                    waiting.discard(message.partition())
                elif not message.error().retriable():
                    raise KafkaException(message.error())
            if not chunk:
                continue
            rows = [(m.partition(), m.offset(), m.key().decode() if m.key() else None, m.value().decode()) for m in chunk]
            source = pa.Table.from_pylist([dict(zip(EVENT.names, row)) for row in rows], schema=EVENT)
            if not DeltaTable.is_deltatable(table, storage_options=options):
                write_deltalake(table, EVENT.empty_table(), storage_options=options)
            same = "t.partition = s.partition AND t.offset = s.offset"
            merge = DeltaTable(table, storage_options=options).merge(source, predicate=same, source_alias="s", target_alias="t")
            merge.when_not_matched_insert_all().execute()
            ends = {m.partition(): m.offset() + 1 for m in chunk}
            consumer.commit(offsets=[TopicPartition(name, part, end) for part, end in ends.items()], asynchronous=False)
    finally:
        consumer.close()
