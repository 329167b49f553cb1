# loses: events.key_of, events.keys, events.order
# The customer as the key: the wrong column, though an order still stays in one place.

# %% tags=["solution:key-of"]
def key_of(line: bytes) -> bytes | None:
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event["cliente_id"].encode()
