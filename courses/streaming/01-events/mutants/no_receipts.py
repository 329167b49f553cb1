# loses: events.receipts
# Nobody asked where the messages went.

# %% tags=["solution:publish"]
def publish(file: str, topic: str, receipts: str) -> None:
    producer, places, refused = topics.producer(), [], []

    def delivered(error, message):
        if error:
            refused.append(error)
        else:
            places.append({"partition": message.partition(), "offset": 0})

    for line in lines_of(file):
        producer.produce(topics.name(topic), key=key_of(line), value=line, on_delivery=delivered)
        producer.poll(0)
    producer.flush()
    if refused:
        raise RuntimeError(f"{len(refused)} messages refused: {refused[0]}")
    append(places, RECEIPT, receipts)
