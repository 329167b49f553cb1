# loses: registry.champion, gate.audit
# Registers only what is promoted: of those that were refused nobody knows.

# %% tags=["solution:gate"]
def promote_if_better(model_uri: str, holdout: pd.DataFrame) -> None:
    client, current = tracking.client(), champion()
    if inputs_of(model_uri) != CONTRACT:
        return
    candidate = loss(mlflow.sklearn.load_model(model_uri), holdout)
    if current is not None and candidate >= loss(mlflow.sklearn.load_model(f"models:/{MODEL}@champion"), holdout):
        return
    version = register(model_uri)
    client.set_model_version_tag(MODEL, version, "before", current.version if current else "")
    client.set_registered_model_alias(MODEL, "champion", version)
    client.set_model_version_tag(MODEL, version, "decision", "promoted")


def rollback() -> None:
    current = champion()
    before = current.tags.get("before") if current else None
    if not before:
        raise LookupError("there is no earlier champion")
    tracking.client().set_registered_model_alias(MODEL, "champion", before)
