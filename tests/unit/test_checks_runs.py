"""Runs and models as checks see them: the same from MLflow itself and from a copy of a store, whatever a student put into it."""

import json
import shutil
import sqlite3
import time

import pytest

from dataflow_kernels.checks import ArtefactError, Bench
from dataflow_kernels.checks.runs import DataUse, Signature, signature_in
from dataflow_kernels.checks.runs_local import LocalRuns
from dataflow_kernels.checks.runs_server import ServerRuns
from dataflow_kernels.environ import LabEnv
from dataflow_kernels.errors import KernelError
from dataflow_kernels.tracking import Tracking, point_at
from dataflow_kernels.tracking_store import DATABASE, FOLDER, empty_store

MODEL_FILE = {
    "signature": {
        "inputs": json.dumps([{"type": "double", "name": "peso_kg", "required": True}]),
        "outputs": json.dumps([{"type": "tensor", "tensor-spec": {"dtype": "int64", "shape": [-1]}}]),
        "params": None,
    }
}


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    """A lake with a store beside it: two runs, one of them with data, a model and its file; one registered model of two versions."""
    folder = tmp_path_factory.mktemp("aurora") / "lake"
    tracking = Tracking(LabEnv(user="student", lake_root=folder.as_uri()))
    import mlflow

    tracking.set_experiment("previsão")
    with mlflow.start_run(run_name="first") as first:
        mlflow.log_params({"trees": 50, "depth": None})
        mlflow.log_metrics({"f1": 0.25})
        mlflow.log_metrics({"f1": 0.5, "broken": float("nan")})
        mlflow.set_tag("data", "v3")
        mlflow.log_dict(MODEL_FILE, "report/a.json")
        mlflow.log_text("hello", "note.txt")
        source = mlflow.data.meta_dataset.MetaDataset(mlflow.data.http_dataset_source.HTTPDatasetSource("http://a/b"), name="treino")
        mlflow.log_input(source, context="training")
        client = mlflow.MlflowClient()
        model = client.create_logged_model(first.info.experiment_id, name="model", source_run_id=first.info.run_id)
        client.log_outputs(first.info.run_id, [mlflow.entities.LoggedModelOutput(model.model_id, 0)])
        (folder / "MLmodel").write_text(json.dumps(MODEL_FILE))
        client.log_model_artifact(model.model_id, str(folder / "MLmodel"))
        client.finalize_logged_model(model.model_id, "READY")
    with pytest.raises(ZeroDivisionError), mlflow.start_run(run_name="second"):
        raise ZeroDivisionError
    name = tracking.model_name("atraso")
    client.create_registered_model(name)
    for number in (1, 2):
        client.create_model_version(name, f"models:/{model.model_id}", run_id=first.info.run_id, tags={"number": str(number)})
    client.set_registered_model_alias(name, "champion", "2")
    yield folder
    point_at(None)


def test_store_and_server_are_told_alike(lake):
    """What the reader of copies gives is what MLflow's own client gives, value by value."""
    store, server = LocalRuns(lake / FOLDER), ServerRuns(f"sqlite:///{lake / FOLDER / DATABASE}")
    assert list(map(vars, store.runs("student/previsão"))) == list(map(vars, server.runs("student/previsão")))
    assert store.versions("student.atraso") == server.versions("student.atraso")
    assert store.runs("student/other") is server.runs("student/other") is None
    assert store.versions("student.other") is server.versions("student.other") is None


def test_run_is_told_in_a_copy_elsewhere(lake, tmp_path):
    """The copy's addresses still name the sandbox; files are found in the copy, and newest runs come first."""
    shutil.copytree(lake / FOLDER, tmp_path / "copy" / FOLDER)
    second, first = Bench(str(tmp_path / "copy"), dict).runs("previsão")
    assert (second.name, second.status) == ("second", "FAILED")
    assert (first.status, first.params, first.metrics, first.tags["data"]) == (
        "FINISHED",
        {"trees": "50", "depth": "None"},
        {"f1": 0.5},
        "v3",
    )
    assert first.artifacts == ("note.txt", "report/")
    assert first.datasets == (DataUse("treino", first.datasets[0].digest, "training"),)
    (model,) = first.models
    assert (model.name, model.signature) == ("model", Signature((("peso_kg", "double"),), (("", "tensor"),)))


def test_model_versions_are_told_newest_first(lake):
    """A version has its aliases, its tags, and the logged model behind it."""
    newest, oldest = Bench(lake.as_uri(), dict).models("atraso")
    assert (newest.version, newest.aliases, newest.tags) == (2, ("champion",), {"number": "2"})
    assert (oldest.version, oldest.aliases) == (1, ())
    assert newest.model_id == Bench(lake.as_uri(), dict).runs("previsão")[1].models[0].model_id


def test_missing_experiment_or_model_is_the_students_to_mend(tmp_path):
    """Without a store there is neither, and the message names what is missing."""
    with pytest.raises(ArtefactError, match="no experiment `x`"):
        Bench(str(tmp_path), dict).runs("x")
    with pytest.raises(ArtefactError, match="no registered model `x`"):
        Bench(str(tmp_path), dict).models("x")


@pytest.mark.parametrize("content", [b"", b"nonsense" * 100, b"SQLite format 3\0" + bytes(4000)])
def test_store_that_is_no_database_is_missing(tmp_path, content):
    """A broken file is no error of the lab's."""
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / DATABASE).write_bytes(content)
    with pytest.raises(ArtefactError):
        Bench(str(tmp_path), dict).runs("x")


def test_endless_view_instead_of_a_table_ends(tmp_path):
    """A store may hold a view that never ends where a table should be."""
    (tmp_path / FOLDER).mkdir()
    with sqlite3.connect(tmp_path / FOLDER / DATABASE) as store:
        numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
        store.execute(f"CREATE VIEW experiments AS {numbers} SELECT i AS experiment_id, 'x' AS name, 'a' AS lifecycle_stage FROM n")
    store.close()
    begin = time.monotonic()
    with pytest.raises(ArtefactError):
        Bench(str(tmp_path), dict).runs("x")
    assert time.monotonic() - begin < 20


def test_artifacts_outside_the_copy_are_not_looked_at(lake, tmp_path):
    """An address that climbs out, or a link that leads out, shows nothing."""
    shutil.copytree(lake / FOLDER, tmp_path / FOLDER)
    (tmp_path / FOLDER / "artifacts" / "out").symlink_to("/")
    with sqlite3.connect(tmp_path / FOLDER / DATABASE) as store:
        store.execute("UPDATE runs SET artifact_uri = '/x/mlflow/artifacts/../../../..' WHERE name = 'first'")
        store.execute("UPDATE runs SET artifact_uri = '/x/mlflow/artifacts/out' WHERE name = 'second'")
    store.close()
    assert [run.artifacts for run in Bench(str(tmp_path), dict).runs("previsão")] == [(), ()]


@pytest.mark.parametrize("text", ["", "[" * 50_000, "a: &x [*x]", "signature: 3", "signature: {inputs: '[1]'}", "x" * 2**20])
def test_odd_model_file_has_no_signature(text):
    """An MLmodel file may hold anything."""
    assert signature_in(text) is None


def test_new_store_is_what_mlflow_expects(tmp_path):
    """Its own check of the revision passes, and a second store costs no migration."""
    folder = tmp_path / "lake"
    tracking = Tracking(LabEnv(user="ana", lake_root=folder.as_uri()))
    assert (folder / FOLDER / DATABASE).read_bytes() == empty_store()
    assert mlflow_revision() in empty_store()
    assert tracking.set_experiment("x").name == "ana/x"
    point_at(None)


def mlflow_revision():
    from mlflow.store.db.utils import _get_latest_schema_revision

    return _get_latest_schema_revision().encode()


def test_use_keeps_runs_elsewhere_for_a_block(tmp_path):
    """Runs of the block are beside the other lake; afterwards the student's experiment must be chosen anew."""
    import mlflow

    tracking = Tracking(LabEnv(user="student", lake_root=(tmp_path / "own").as_uri()))
    tracking.set_experiment("x")
    with tracking.use((tmp_path / "other").as_uri()):
        tracking.set_experiment("x")
        mlflow.start_run()  # left open on purpose
    assert mlflow.active_run() is None
    assert [run.status for run in Bench(str(tmp_path / "other"), dict).runs("x")] == ["FINISHED"]
    assert Bench(str(tmp_path / "own"), dict).runs("x") == ()
    with tracking.use(""):
        assert mlflow.get_tracking_uri().endswith("own/mlflow/mlflow.db")
    point_at(None)


def test_use_refuses_two_lakes_at_once_and_the_object_store(tmp_path):
    """MLflow's address is one for the whole process."""
    tracking = Tracking(LabEnv(user="student", lake_root=(tmp_path / "own").as_uri()))
    with tracking.use(str(tmp_path / "a")), tracking.use(str(tmp_path / "a")):
        with pytest.raises(KernelError, match="being kept"), tracking.use(str(tmp_path / "b")):
            pass
        assert "/a/" in tracking.uri
    assert "/own/" in tracking.uri
    with pytest.raises(KernelError, match="folder of this machine"), tracking.use("s3a://student-ana"):
        pass
    point_at(None)
