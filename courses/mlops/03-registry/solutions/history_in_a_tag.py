# The history of champions is one JSON tag of the registered model.

# %% tags=["solution:gate"]
def history() -> list[str]:
    try:
        return json.loads(tracking.client().get_registered_model(MODEL).tags.get("champions", "[]"))
    except mlflow.exceptions.MlflowException:
        return []


def crown(champions: list[str]) -> None:
    tracking.client().set_registered_model_tag(MODEL, "champions", json.dumps(champions))
    tracking.client().set_registered_model_alias(MODEL, "champion", champions[-1])


def promote_if_better(model_uri: str, holdout: pd.DataFrame) -> None:
    champions = history()
    decision = "signature"
    if inputs_of(model_uri) == CONTRACT:
        uris = [model_uri, *(f"models:/{MODEL}/{version}" for version in champions[-1:])]
        losses = [loss(mlflow.sklearn.load_model(uri), holdout) for uri in uris]
        decision = "promoted" if losses[0] < min(losses[1:], default=float("inf")) else "worse"
    version = mlflow.register_model(model_uri, MODEL, tags={"decision": decision})
    if decision == "promoted":
        crown([*champions, str(version.version)])


def rollback() -> None:
    champions = history()
    if len(champions) < 2:
        raise LookupError("there is no champion before")
    crown(champions[:-1])
