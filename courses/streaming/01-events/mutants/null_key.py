# loses: events.key_of, events.keys, events.order
# No key: Kafka puts each message wherever it likes.

# %% tags=["solution:key-of"]
def key_of(line: bytes) -> bytes | None:
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return None
