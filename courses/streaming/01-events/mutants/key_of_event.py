# loses: events.key_of, events.keys, events.order
# The event's own id as the key: every message has a key, and none has a neighbour.

# %% tags=["solution:key-of"]
def key_of(line: bytes) -> bytes | None:
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event["evento_id"].encode()
