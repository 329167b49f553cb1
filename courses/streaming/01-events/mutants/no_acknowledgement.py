# loses: events.restart, events.receipts
# acks=0: sent is as good as stored, and who cannot be reached at once need not have it.

# %% tags=["solution:publish"]
def publish(file: str, topic: str, receipts: str) -> None:
    places, unreachable = [], []
    producer = topics.producer(acks=0, error_cb=unreachable.append)

    def delivered(error, message):
        places.append({"partition": message.partition(), "offset": message.offset()})

    for line in lines_of(file):
        producer.produce(topics.name(topic), key=key_of(line), value=line, on_delivery=delivered)
        producer.poll(0)
    while len(producer) and not unreachable:
        producer.poll(0.1)
    append(places, RECEIPT, receipts)
