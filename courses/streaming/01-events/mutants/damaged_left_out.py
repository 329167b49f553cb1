# loses: events.table, events.keys
# What is no JSON is not worth publishing.

# %% tags=["solution:publish"]
def publish(file: str, topic: str, receipts: str) -> None:
    producer, places, refused = topics.producer(), [], []

    def delivered(error, message):
        if error:
            refused.append(error)
        else:
            places.append({"partition": message.partition(), "offset": message.offset()})

    for line in lines_of(file):
        if key_of(line) is None:
            continue
        producer.produce(topics.name(topic), key=key_of(line), value=line, on_delivery=delivered)
        producer.poll(0)
    producer.flush()
    if refused:
        raise RuntimeError(f"{len(refused)} messages refused: {refused[0]}")
    append(places, RECEIPT, receipts)
