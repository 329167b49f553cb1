# One run above the three, and MLflow itself is asked which of them is the best; the model is brought back from its run for the exam.

# %% tags=["solution:train"]
GRID = [
    {"max_depth": 2, "min_samples_leaf": 1},
    {"max_depth": 6, "min_samples_leaf": 5},
    {"max_depth": 12, "min_samples_leaf": 2},
]


def train_and_track(files: list[str], validation_day: str, test_day: str, out: str) -> None:
    train, validation, test = parts(files, validation_day, test_day)
    evidence, mark = {}, data_version(files)
    with mlflow.start_run(run_name="search") as parent:
        for parameters in GRID:
            with mlflow.start_run(nested=True, tags={"data_version": mark}) as run:
                mlflow.log_params({**parameters, "trees": 60, "learned_from": len(train)})
                model = RandomForestClassifier(60, random_state=0, n_jobs=1, **parameters).fit(features(train), train.atrasou)
                evidence[run.info.run_id] = model.predict(features(validation))
                mlflow.log_metrics({"f1_validation": f1_score(validation.atrasou, evidence[run.info.run_id])})
                log_model(model, features(train))
    rows = [
        {"run_id": run_id, "part": "validation", "pedido_id": order, "previsto": int(late)}
        for run_id, predicted in evidence.items()
        for order, late in zip(validation.pedido_id, predicted)
    ]
    inside = f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'"
    best = mlflow.search_runs(filter_string=inside, order_by=["metrics.f1_validation DESC"], max_results=1).iloc[0]["run_id"]
    exam = mlflow.sklearn.load_model(f"runs:/{best}/model").predict(features(test))
    tracking.client().set_tag(best, "chosen", "yes")
    tracking.client().log_metric(best, "f1_test", f1_score(test.atrasou, exam))
    rows += [{"run_id": best, "part": "test", "pedido_id": order, "previsto": int(late)} for order, late in zip(test.pedido_id, exam)]
    save(pd.DataFrame(rows), f"{out}/predictions")
