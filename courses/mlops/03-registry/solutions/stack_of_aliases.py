# The client's own calls; the champions before are a chain of aliases; losses by hand, from MLflow's probabilities.

# %% tags=["solution:inputs-of"]
def inputs_of(model_uri: str) -> dict[str, str]:
    schema = mlflow.models.get_model_info(model_uri).signature.inputs
    return dict(zip(schema.input_names(), (kind.name for kind in schema.input_types())))


# %% tags=["solution:gate"]
def held_out_loss(model, rows: pd.DataFrame) -> float:
    chance = model.predict_proba(rows[list(model.feature_names_in_)])[:, 1].clip(1e-15, 1 - 1e-15)
    return float(-np.log(np.where(rows.atrasou == 1, chance, 1 - chance)).mean())


def promote_if_better(model_uri: str, holdout: pd.DataFrame) -> None:
    client = tracking.client()
    try:
        client.create_registered_model(MODEL)
    except mlflow.exceptions.MlflowException:
        pass  # it is there
    info = mlflow.models.get_model_info(model_uri)
    version = client.create_model_version(MODEL, model_uri, run_id=info.run_id, model_id=info.model_id)
    aliases = client.get_registered_model(MODEL).aliases

    def decide() -> str:
        if sorted(inputs_of(model_uri).items()) != sorted(CONTRACT.items()):
            return "signature"
        if "champion" in aliases:
            current = mlflow.sklearn.load_model(f"models:/{MODEL}/{aliases['champion']}")
            if held_out_loss(mlflow.sklearn.load_model(model_uri), holdout) >= held_out_loss(current, holdout):
                return "worse"
        return "promoted"

    decision = decide()
    client.set_model_version_tag(MODEL, version.version, "decision", decision)
    if decision == "promoted":
        if "champion" in aliases:
            depth = sum(name.startswith("before-") for name in aliases)
            client.set_registered_model_alias(MODEL, f"before-{depth}", aliases["champion"])
        client.set_registered_model_alias(MODEL, "champion", version.version)


def rollback() -> None:
    client = tracking.client()
    aliases = client.get_registered_model(MODEL).aliases
    depth = sum(name.startswith("before-") for name in aliases)
    if not depth:
        raise LookupError("no champion before")
    client.set_registered_model_alias(MODEL, "champion", aliases[f"before-{depth - 1}"])
    client.delete_registered_model_alias(MODEL, f"before-{depth - 1}")
