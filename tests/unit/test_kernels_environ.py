"""The environment of a kernel: made on one side, read on the other."""

from dataclasses import replace

import pytest

from dataflow_kernels.environ import LabEnv, exported
from dataflow_kernels.errors import EnvironmentMissing

FULL = LabEnv(
    user="ana",
    language="pt-BR",
    lake_root="s3a://student-ana",
    s3_endpoint="http://127.0.0.1:9000",
    s3_access_key="AK",
    s3_secret_key="secret-of-ana",
    mlflow_uri="http://127.0.0.1:5000",
    mlflow_username="ana",
    mlflow_password="password-of-ana",
    kafka_bootstrap="127.0.0.1:9092",
    kafka_username="ana",
    kafka_password="login-of-ana",
    kafka_jars_dir="/kafka-jars",
    exchange_url="http://127.0.0.1:8002/services/exchange/",
    java_home="/usr/lib/jvm/x",
    jars_dir="/jars",
    cds_archive="/jars/a.jsa",
    spark_driver_memory_mib=512,
    spark_cores=3,
    spark_log="/tmp/spark.log",
)


def test_what_is_written_is_what_is_read():
    """Every field survives the way through a process's environment, numbers as numbers."""
    assert LabEnv.from_environ(FULL.to_environ()) == FULL


def test_defaults_survive_too():
    """A run without services has empty texts, which come back as empty texts."""
    local = LabEnv(user="ana", lake_root="file:///work/lake")
    assert LabEnv.from_environ(local.to_environ()) == local
    assert not local.live


def test_tools_of_others_are_told_too():
    """boto3, delta-rs and MLflow work in a cell without any set-up code."""
    environ = FULL.to_environ()
    assert environ["AWS_ENDPOINT_URL"] == FULL.s3_endpoint
    assert environ["AWS_ALLOW_HTTP"] == "true"
    assert environ["MLFLOW_TRACKING_USERNAME"] == "ana"


def test_a_run_without_services_sets_no_credentials():
    """Empty credentials are not set at all: an SDK would take "" for a key."""
    environ = replace(FULL, s3_endpoint="", mlflow_uri="").to_environ()
    assert not [name for name in environ if name.startswith(("AWS_", "MLFLOW_"))]


def test_the_error_names_every_missing_variable():
    """Somebody who starts a notebook outside a lab reads which variables are missing, and what to do."""
    with pytest.raises(EnvironmentMissing, match=r"DATAFLOW_USER, DATAFLOW_LAKE_ROOT") as caught:
        LabEnv.from_environ({})
    assert "hub" in caught.value.fix


def test_a_number_that_is_none_is_named():
    """A malformed number is named with its variable and its text."""
    with pytest.raises(EnvironmentMissing, match="DATAFLOW_SPARK_CORES is 'two'"):
        LabEnv.from_environ(FULL.to_environ() | {"DATAFLOW_SPARK_CORES": "two"})


def test_no_secret_shows_when_it_is_printed():
    """A traceback or a log line with the environment in it holds no secret."""
    assert "secret-of-ana" not in repr(FULL)
    assert "password-of-ana" not in repr(FULL)
    assert "login-of-ana" not in repr(FULL)


def test_an_exported_variable_is_gone_afterwards(monkeypatch):
    """The gateway's secret is in the environment for one call only, also when that call fails."""
    monkeypatch.delenv("PYSPARK_GATEWAY_SECRET", raising=False)
    import os

    with pytest.raises(RuntimeError), exported({"PYSPARK_GATEWAY_SECRET": "x"}):
        assert os.environ["PYSPARK_GATEWAY_SECRET"] == "x"
        raise RuntimeError
    assert "PYSPARK_GATEWAY_SECRET" not in os.environ


def test_what_was_exported_before_is_what_it_was(monkeypatch):
    """After the first submission a grading worker had no PATH any more."""
    import os

    monkeypatch.setenv("PATH", "/usr/bin")
    with exported({"PATH": "/elsewhere"}):
        assert os.environ["PATH"] == "/elsewhere"
    assert os.environ["PATH"] == "/usr/bin"
