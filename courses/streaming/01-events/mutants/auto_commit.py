# loses: events.resume
# Lets the client commit by itself: also what was never written.

# %% tags=["solution:consume"]
def consume(topic: str, group: str, table: str) -> None:
    consumer = topics.consumer(group, enable_auto_commit=True, enable_partition_eof=True)
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
    finally:
        consumer.close()
