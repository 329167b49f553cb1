# loses: events.replay
# Writes first and commits then, and does not look at what is there.

# %% tags=["solution:consume"]
def consume(topic: str, group: str, table: str) -> None:
    consumer = topics.consumer(group, enable_auto_commit=False, enable_partition_eof=True)
    try:
        messages = list(topics.pending(consumer, topic))
        rows = [
            {
                "partition": message.partition(),
                "offset": message.offset(),
                "key": message.key().decode() if message.key() else None,
                "value": message.value().decode(errors="replace"),
            }
            for message in messages
        ]
        if rows:
            append(rows, EVENT, table)
        if messages:
            consumer.commit(asynchronous=False)
    finally:
        consumer.close()
