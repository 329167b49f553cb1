# loses: events.restart
# Waits for the acknowledgements until the broker is away, and then one second more.

# %% tags=["solution:publish"]
import time


def publish(file: str, topic: str, receipts: str) -> None:
    places, refused, away = [], [], []
    producer = topics.producer(error_cb=lambda _: away.append(time.monotonic()))

    def delivered(error, message):
        if error:
            refused.append(error)
        else:
            places.append({"partition": message.partition(), "offset": message.offset()})

    for line in lines_of(file):
        producer.produce(topics.name(topic), key=key_of(line), value=line, on_delivery=delivered)
        producer.poll(0)
    while len(producer) and not (away and time.monotonic() - away[0] > 1):
        producer.poll(0.1)
    if refused:
        raise RuntimeError(f"{len(refused)} messages refused: {refused[0]}")
    append(places, RECEIPT, receipts)
