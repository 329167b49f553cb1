# loses: events.resume
# A failed write is logged, and the offsets are committed all the same.

# %% tags=["solution:consume"]
def consume(topic: str, group: str, table: str) -> None:
    consumer = topics.consumer(group, enable_auto_commit=False, enable_partition_eof=True)
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
        try:
            if rows:
                append(rows, EVENT, table)
        except Exception as error:
            print("could not write:", error)
        if messages:
            consumer.commit(asynchronous=False)
    finally:
        consumer.close()
