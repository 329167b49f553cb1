# loses: gate.rollback
# Remembers one champion before, in an alias that the way back does not renew: it leads to the same one twice.

# %% tags=["solution:gate"]
def promote_if_better(model_uri: str, holdout: pd.DataFrame) -> None:
    client, current = tracking.client(), champion()
    version = register(model_uri)

    def held_out(uri: str) -> float:
        return loss(mlflow.sklearn.load_model(uri), holdout)

    if inputs_of(model_uri) != CONTRACT:
        decision = "signature"
    elif current is None or held_out(model_uri) < held_out(f"models:/{MODEL}@champion"):
        decision = "promoted"
        if current:
            client.set_registered_model_alias(MODEL, "previous", current.version)
        client.set_registered_model_alias(MODEL, "champion", version)
    else:
        decision = "worse"
    client.set_model_version_tag(MODEL, version, "decision", decision)


def rollback() -> None:
    aliases = tracking.client().get_registered_model(MODEL).aliases
    if "previous" not in aliases:
        raise LookupError("there is no earlier champion")
    tracking.client().set_registered_model_alias(MODEL, "champion", aliases["previous"])
