# loses: deploy.questions, deploy.service, deploy.refuse
# A text that is no number becomes a gap: somebody will have meant something.

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
            if name not in order:
                raise BadRequest(f"{name} is missing")
    table = pd.DataFrame(asked, columns=[*NUMBERS, "canal"])
    return table.assign(**{name: pd.to_numeric(table[name], errors="coerce").fillna(0.0 if name not in GAPS else np.nan) for name in NUMBERS})
