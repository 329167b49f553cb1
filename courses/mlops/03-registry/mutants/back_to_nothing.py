# loses: gate.rollback
# Takes the alias away: customers get no answer at all.

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
        client.set_model_version_tag(MODEL, version, "before", current.version if current else "")
        client.set_registered_model_alias(MODEL, "champion", version)
    else:
        decision = "worse"
    client.set_model_version_tag(MODEL, version, "decision", decision)


def rollback() -> None:
    if champion() is None:
        raise LookupError("there is no earlier champion")
    tracking.client().delete_registered_model_alias(MODEL, "champion")
