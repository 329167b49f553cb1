# MLflow's client instead of its fluent calls, F1 by hand, boosted trees aside: the same forests, another seed.

# %% tags=["solution:data-version"]
def data_version(files: list[str]) -> str:
    contents = {file.split("/")[-1]: lake.read(file) for file in files}
    return hashlib.sha256(b"".join(contents[name] for name in sorted(contents))).hexdigest()


# %% tags=["solution:train"]
import numpy as np

GRID = [
    {"max_depth": 12, "min_samples_leaf": 2},
    {"max_depth": 2, "min_samples_leaf": 1},
    {"max_depth": 6, "min_samples_leaf": 5},
]


def f1(truth, predicted) -> float:
    truth, predicted = np.asarray(truth) == 1, np.asarray(predicted) == 1
    return float(2 * (truth & predicted).sum() / max(1, truth.sum() + predicted.sum()))


def train_and_track(files: list[str], validation_day: str, test_day: str, out: str) -> None:
    past, month, exam = parts(files, validation_day, test_day)
    client = tracking.client()
    experiment = client.get_experiment_by_name(tracking.experiment_name("atraso")).experiment_id
    forests = [RandomForestClassifier(n_estimators=60, random_state=7, **each).fit(features(past), past["atrasou"]) for each in GRID]
    guesses = [forest.predict(features(month)) for forest in forests]
    scores = [f1(month["atrasou"], each) for each in guesses]
    best = int(np.argmax(scores))
    rows = []
    for number, (each, guess, score) in enumerate(zip(GRID, guesses, scores)):
        run = client.create_run(experiment, tags={"data_version": data_version(files)}).info.run_id
        for name, value in {**each, "n_estimators": 60}.items():
            client.log_param(run, name, value)
        client.log_metric(run, "f1_validation", score)
        rows += [(run, "validation", order, int(late)) for order, late in zip(month["pedido_id"], guess)]
        if number == best:
            final = forests[best].predict(features(exam))
            client.log_metric(run, "f1_test", f1(exam["atrasou"], final))
            client.set_tag(run, "chosen", "yes")
            rows += [(run, "test", order, int(late)) for order, late in zip(exam["pedido_id"], final)]
            with mlflow.start_run(run_id=run):
                log_model(forests[best], features(past))
        client.set_terminated(run)
    columns = dict(zip(("run_id", "part", "pedido_id", "previsto"), map(list, zip(*rows))))
    write_deltalake(f"{out}/predictions", pa.table(columns), mode="overwrite", storage_options=lake.storage_options or None)
