# loses: deploy.questions, deploy.service, deploy.refuse
# A key that is not there is a gap like any other.

# %% tags=["solution:read-orders"]
class BadRequest(ValueError):
    """The question is wrong: a mistake of whoever asks."""


def read_orders(body: bytes) -> pd.DataFrame:
    try:
        asked = json.loads(body)["orders"]
    except (ValueError, KeyError, TypeError):
        raise BadRequest("a JSON object with `orders` is expected") from None
    if not isinstance(asked, list) or not all(isinstance(order, dict) for order in asked):
        raise BadRequest("`orders` is a list of objects")
    for order in asked:
        for name in (*NUMBERS, "canal"):
            allowed = str if name == "canal" else (int, float)
            if order.get(name) is not None and not isinstance(order[name], allowed):
                raise BadRequest(f"{name} has the wrong type")
    return pd.DataFrame(asked, columns=[*NUMBERS, "canal"])
