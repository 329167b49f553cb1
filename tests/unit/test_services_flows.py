"""The flows that come along for Airflow and NiFi, as far as can be told without either: neither is run here."""

import ast
import json
import re
import sys
import types

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from dataflow_hub.services.upstream.table import MINIO, UPSTREAM
from dataflow_hub.workspace import CHECKOUT

MOUNTED = CHECKOUT / "images" / "upstream"
LANDING = json.loads((MOUNTED / "nifi" / "landing.json").read_text())
GROUP = LANDING["flowContents"]
PARAMETERS = {each["name"]: each for each in LANDING["parameterContexts"][GROUP["parameterContextName"]]["parameters"]}
COMPONENTS = [*GROUP["processors"], *GROUP["controllerServices"]]
NIFI = next(service for service in UPSTREAM if service.name == "nifi")
# read in NiFi's source at the tag of the image
PROPERTIES = {
    "org.apache.nifi.processors.standard.GetFile": {
        *("Input Directory", "Keep Source File", "Minimum File Age", "Recurse Subdirectories", "Ignore Hidden Files"),
    },
    "org.apache.nifi.processors.aws.s3.PutS3Object": {
        *("Bucket", "Object Key", "Region", "AWS Credentials Provider service", "Endpoint Override URL", "use-path-style-access"),
    },
    "org.apache.nifi.processors.aws.credentials.provider.service.AWSCredentialsProviderControllerService": {"Access Key", "Secret Key"},
}


class Decorators:
    """What the DAG takes from Airflow, as decorators that only remember how they were called."""

    def __init__(self):
        self.settings = {}

    def dag(self, **settings):
        self.settings["dag"] = settings
        return lambda function: lambda: self.settings.setdefault("made", function.__name__)

    def virtualenv(self, **settings):
        self.settings["task"] = settings
        return lambda function: function


@pytest.fixture
def flow(monkeypatch):
    decorators = Decorators()
    sdk = types.SimpleNamespace(dag=decorators.dag, task=types.SimpleNamespace(virtualenv=decorators.virtualenv))
    monkeypatch.setitem(sys.modules, "airflow", types.SimpleNamespace(sdk=sdk))
    monkeypatch.setitem(sys.modules, "airflow.sdk", sdk)
    names = {"__name__": "bronze_to_silver"}
    path = MOUNTED / "airflow" / "dags" / "bronze_to_silver.py"
    exec(compile(path.read_text(), path, "exec"), names)
    return types.SimpleNamespace(**names, settings=decorators.settings)


def test_the_dag_cleans_a_table_in_one_commit(flow, tmp_path):
    """Duplicates and amounts that are not positive go, a time of processing comes; twice gives the same table."""
    source, target = str(tmp_path / "bronze"), str(tmp_path / "silver")
    write_deltalake(source, pa.table({"id": [1, 1, 2, 3, 4], "valor": [5.0, 5.0, -1.0, 0.0, 2.5]}))
    assert [flow.clean(source, target) for _ in range(2)] == [2, 2]
    table = DeltaTable(target).to_pyarrow_table()
    assert sorted(table["id"].to_pylist()) == [1, 4]
    assert "processed_ts" in table.column_names
    assert DeltaTable(target).version() == 1


def test_a_source_that_nobody_filled_is_skipped_not_failed(flow, tmp_path):
    with pytest.raises(SystemExit) as caught:
        flow.clean(str(tmp_path / "nothing"), str(tmp_path / "silver"))
    assert caught.value.code == flow.settings["task"]["skip_on_exit_code"]


def test_the_task_travels_alone_and_brings_the_locks_own_versions(flow):
    """Airflow sends the function's text to another Python: what it names outside itself is not there."""
    tree = ast.parse((MOUNTED / "airflow" / "dags" / "bronze_to_silver.py").read_text())
    function = next(node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == "clean")
    body = ast.Module(function.body, [])
    outside = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} & {"dag", "task", "NOTHING_YET", "timedelta"}
    assert not outside & {node.id for node in ast.walk(body) if isinstance(node, ast.Name)}
    lock = (CHECKOUT / "requirements.lock").read_text()
    assert all(f"\n{requirement} \\" in lock for requirement in flow.settings["task"]["requirements"])


def test_a_night_is_not_made_up_for_and_never_runs_twice_at_once(flow):
    assert flow.settings["dag"]["catchup"] is False
    assert flow.settings["dag"]["max_active_runs"] == 1
    assert flow.settings["made"] == "bronze_to_silver"


# -- NiFi ---------------------------------------------------------------------


@pytest.mark.parametrize("component", COMPONENTS, ids=lambda each: each["name"])
def test_a_component_is_of_the_images_nifi_and_has_properties_that_it_knows(component):
    """An unknown property would become one of the user's own; another version would have to be chosen by hand."""
    assert component["bundle"]["version"] == NIFI.image.rpartition(":")[2]
    assert set(component["properties"]) == set(component["propertyDescriptors"]) <= PROPERTIES[component["type"]]


def test_what_fails_is_tried_again_and_no_file_is_lost():
    """Each relationship leads somewhere that exists; only what was stored is let go."""
    known = {each["identifier"] for each in GROUP["processors"]}
    assert len({each["identifier"] for each in (*COMPONENTS, *GROUP["connections"])}) == len(COMPONENTS) + len(GROUP["connections"])
    led = {(each["source"]["id"], name) for each in GROUP["connections"] for name in each["selectedRelationships"]}
    assert {end["id"] for each in GROUP["connections"] for end in (each["source"], each["destination"])} <= known
    take, land = (each["identifier"] for each in GROUP["processors"])
    assert led == {(take, "success"), (land, "failure")}
    assert [each["autoTerminatedRelationships"] for each in GROUP["processors"]] == [[], ["success"]]


def test_the_flow_holds_no_key_and_names_the_labs_own_places():
    """Keys are parameters without a value; the folder is the one that is mounted, the store the MinIO of the same table."""
    used = set(re.findall(r"#\{([^}]*)\}", json.dumps(COMPONENTS)))
    assert used == set(PARAMETERS)
    assert {name for name, each in PARAMETERS.items() if each["sensitive"]} == {"access-key", "secret-key"}
    assert not [name for name, each in PARAMETERS.items() if each["sensitive"] and "value" in each]
    assert PARAMETERS["folder"]["value"] == NIFI.data
    assert PARAMETERS["endpoint"]["value"] == f"http://127.0.0.1:{MINIO.default}"
    service = GROUP["controllerServices"][0]["identifier"]
    assert GROUP["processors"][1]["properties"]["AWS Credentials Provider service"] == service
