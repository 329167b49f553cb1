# loses: events.restart, events.receipts
# acks=0: sent is as good as stored, and three seconds are enough for everybody.

# %% tags=["solution:publish"]
def publish(file: str, topic: str, receipts: str) -> None:
    producer, places = topics.producer(acks=0), []

    def delivered(error, message):
        places.append({"partition": message.partition(), "offset": message.offset()})

    for line in lines_of(file):
        producer.produce(topics.name(topic), key=key_of(line), value=line, on_delivery=delivered)
        producer.poll(0)
    producer.flush(3)
    append(places, RECEIPT, receipts)
