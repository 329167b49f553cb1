# loses: events.table, events.order, events.restart, events.resume
# Knows a message by its value: what was told twice is written once, though it has two places.

# %% tags=["solution:consume"]
def consume(topic: str, group: str, table: str) -> None:
    consumer = topics.consumer(group, enable_auto_commit=False, enable_partition_eof=True)
    try:
        messages = list(topics.pending(consumer, topic))
        seen, rows = {row["value"] for row in stored(table)}, []
        for message in messages:
            value = message.value().decode(errors="replace")
            if value not in seen:
                seen.add(value)
                key = message.key().decode() if message.key() else None
                rows.append({"partition": message.partition(), "offset": message.offset(), "key": key, "value": value})
        if rows:
            append(rows, EVENT, table)
        if messages:
            consumer.commit(asynchronous=False)
    finally:
        consumer.close()
