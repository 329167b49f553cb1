# loses: train.choice
# Takes the first candidate, whatever the validation says.

# %% tags=["solution:train"]
GRID = [
    {"max_depth": 2, "min_samples_leaf": 1},
    {"max_depth": 6, "min_samples_leaf": 5},
    {"max_depth": 12, "min_samples_leaf": 2},
]


def train_and_track(files: list[str], validation_day: str, test_day: str, out: str) -> None:
    train, validation, test = parts(files, validation_day, test_day)
    version, evidence, tried = data_version(files), [], []
    for parameters in GRID:
        with mlflow.start_run() as run:
            model = RandomForestClassifier(60, random_state=42, **parameters).fit(features(train), train.atrasou)
            predicted = model.predict(features(validation))
            score = f1_score(validation.atrasou, predicted)
            mlflow.log_params(parameters)
            mlflow.log_metric("f1_validation", score)
            mlflow.set_tag("data_version", version)
        tried.append((score, run.info.run_id, model))
        evidence.append(pd.DataFrame({"run_id": run.info.run_id, "part": "validation", "pedido_id": validation.pedido_id, "previsto": predicted}))
    _, chosen, model = tried[0]
    predicted = model.predict(features(test))
    with mlflow.start_run(run_id=chosen):
        mlflow.log_metric("f1_test", f1_score(test.atrasou, predicted))
        mlflow.set_tag("chosen", "yes")
        log_model(model, features(train))
    evidence.append(pd.DataFrame({"run_id": chosen, "part": "test", "pedido_id": test.pedido_id, "previsto": predicted}))
    save(pd.concat(evidence), f"{out}/predictions")
