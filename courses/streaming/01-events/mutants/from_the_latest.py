# loses: events.table, events.keys, events.order, events.restart, events.receipts, events.resume, events.replay
# A new group begins where the topic ends now: all that was there before is never read.

# %% tags=["solution:consume"]
def consume(topic: str, group: str, table: str) -> None:
    consumer = topics.consumer(group, enable_auto_commit=False, enable_partition_eof=True, auto_offset_reset="latest")
    try:
        messages = list(topics.pending(consumer, topic))
        there = {(row["partition"], row["offset"]) for row in stored(table)}
        rows = [
            {
                "partition": message.partition(),
                "offset": message.offset(),
                "key": message.key().decode() if message.key() else None,
                "value": message.value().decode(errors="replace"),
            }
            for message in messages
            if (message.partition(), message.offset()) not in there
        ]
        if rows:
            append(rows, EVENT, table)
        if messages:
            consumer.commit(asynchronous=False)
    finally:
        consumer.close()
