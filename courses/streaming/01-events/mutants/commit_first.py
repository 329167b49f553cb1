# loses: events.resume
# Commits the offsets before the rows are written.

# %% tags=["solution:consume"]
def consume(topic: str, group: str, table: str) -> None:
    consumer = topics.consumer(group, enable_auto_commit=False, enable_partition_eof=True)
    try:
        messages = list(topics.pending(consumer, topic))
        if messages:
            consumer.commit(asynchronous=False)
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
    finally:
        consumer.close()
