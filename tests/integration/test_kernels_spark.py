"""Real kernels over a real JVM: what a student's first minutes look like, without any service."""

import os
import time
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from dataflow_kernels.install import LOCK, archive_path, build_archive, find_java, install_jars, install_kernelspecs, local_environment

pytestmark = pytest.mark.integration

SEED = """\
from pyspark.sql import SparkSession
from pyspark.sql.functions import *
spark = SparkSession.builder \\
    .appName("MedallionExample") \\
    .config("spark.sql.extensions", "io.delta.sql.DeltaSparkSessionExtension") \\
    .config("spark.sql.catalog.spark_catalog", "org.apache.spark.sql.delta.catalog.DeltaCatalog") \\
    .config("spark.hadoop.fs.s3a.endpoint", "http://minio:9000") \\
    .config("spark.hadoop.fs.s3a.access.key", "admin") \\
    .config("spark.hadoop.fs.s3a.secret.key", "admin123") \\
    .config("spark.hadoop.fs.s3a.path.style.access", "true") \\
    .config("spark.sql.shuffle.partitions", "3") \\
    .getOrCreate()
"""


@pytest.fixture(scope="module")
def lab_kernel(tmp_path_factory):
    """Give a function that runs cells in a fresh kernel of a preset, against a lake of files."""
    from dataflow_hub.settings import load_lab

    jars = load_lab().workspace.jars
    install_jars(LOCK, jars, lambda _: None)
    build_archive(find_java(), jars, lambda _: None)
    folder = tmp_path_factory.mktemp("kernels")
    install_kernelspecs(folder / "jupyter")
    env = local_environment(jars, folder, user="ana")
    environ = env.to_environ() | {"JUPYTER_PATH": str(folder / "jupyter")}

    def run(kernel, *sources, **more):
        cells = [nbformat.v4.new_code_cell(source) for source in sources]
        notebook = nbformat.v4.new_notebook(cells=cells)
        before = dict(os.environ)
        os.environ.update(environ | more)
        try:
            client = NotebookClient(
                notebook, kernel_name=kernel, timeout=180, allow_errors=True, resources={"metadata": {"path": str(folder)}}
            )
            began = time.monotonic()
            client.execute()
        finally:
            os.environ.clear()
            os.environ.update(before)
        return [outputs(cell) for cell in cells], time.monotonic() - began

    run.env = env
    return run


def outputs(cell):
    """Give a cell's outputs as `(kind, text)`: stdout, stderr, result or error."""
    return [
        (
            each.get("name") or {"error": "error"}.get(each.output_type, "result"),
            each.get("text") or each.get("evalue") or each.data["text/plain"],
        )
        for each in cell.outputs
    ]


def test_a_kernel_starts_as_fast_as_a_plain_one(lab_kernel):
    """The first plain cell answers without waiting for the JVM: within a second of what a kernel without the extension takes."""
    _, plain = lab_kernel("python3", "1 + 1")
    results, ours = lab_kernel("spark-delta", "1 + 1")
    assert results == [[("result", "2")]]
    assert ours < plain + 1.5


def test_the_seeds_builder_gives_the_labs_session(lab_kernel):
    """Copied set-up code with a wrong store and administrators' keys gives the one session of the lab; harmless options apply."""
    results, _ = lab_kernel(
        "spark-delta",
        "lab_session = spark",
        SEED,
        "lab_session is spark, spark.sparkContext.appName",
        "'admin' in str(spark.sparkContext.getConf().getAll()), spark.conf.get('spark.sql.shuffle.partitions')",
        "hadoop = spark.sparkContext._jsc.hadoopConfiguration(); hadoop.get('fs.s3a.access.key')",
    )
    assert results == [[], [], [("result", "(True, 'dataflow-ana')")], [("result", "(False, '3')")], []]


def test_the_builder_comes_first_too(lab_kernel):
    """The seed's cell as a kernel's very first, while the JVM is still warming."""
    results, _ = lab_kernel("spark-delta", SEED, "spark.sparkContext.appName")
    assert results[1] == [("result", "'dataflow-ana'")]


def test_delta_goes_there_and_back_without_a_word_on_stderr(lab_kernel):
    """Write, read, merge, UDF, pandas, and a cell that makes Spark warn: nothing reaches stderr, the warning is in the log."""
    results, _ = lab_kernel(
        "spark-delta",
        "path = lake.path('bronze', 'pedidos')\nspark.range(5).write.format('delta').mode('overwrite').save(path)",
        "from delta.tables import DeltaTable\nDeltaTable.forPath(spark, path).toDF().count()",
        "from pyspark.sql.functions import udf\nspark.read.format('delta').load(path).select(udf(lambda v: v + 1, 'long')('id')).toPandas().sum().item()",  # noqa: E501
        "spark._jvm.org.apache.log4j.LogManager.getLogger('lesson').warn('a warning of Spark')\nspark._jvm.System.err.println('and a shout')",  # noqa: E501
        "lake.table(path).to_pandas().shape, lake.files(lake.path('bronze'))",
    )
    assert results == [[], [("result", "5")], [("result", "15")], [], [("result", "((5, 1), ['pedidos/'])")]]
    log = Path(lab_kernel.env.spark_log).read_text()
    assert "a warning of Spark" in log
    assert "and a shout" in log


def test_a_pandas_udf_over_a_file_waits_for_ever(lab_kernel):
    """SPARK-58241: Spark 4.2.0 hands a file's columns to Arrow UDFs in a way that hangs them; here every kind of UDF answers."""
    results, _ = lab_kernel(
        "spark-delta",
        "import pandas as pd\nfrom pyspark.sql.functions import pandas_udf, udf\npath = lake.path('bronze', 'udf')\n"
        "spark.range(5).write.format('delta').mode('overwrite').save(path)\nrows = spark.read.format('delta').load(path)",
        "plus = pandas_udf(lambda v: v + 1, 'long')\nrows.select(plus('id')).toPandas().sum().item()",
        "rows.select(udf(lambda v: v + 1, 'long', useArrow=True)('id')).toPandas().sum().item()",
        "rows.groupBy().applyInPandas(lambda frame: frame.sum().to_frame().T, 'id long').toPandas().sum().item()",
    )
    assert results == [[], [("result", "15")], [("result", "15")], [("result", "10")]]


def test_a_session_that_was_stopped_comes_back(lab_kernel):
    """`spark.stop()`, which tutorials end with, does not break the kernel."""
    results, _ = lab_kernel("spark-delta", "spark.stop()", SEED, "spark.range(3).count()")
    assert results[2] == [("result", "3")]


def test_a_jvm_that_died_is_replaced(lab_kernel):
    """A JVM that ran out of memory ends; the next builder gives a new one."""
    kill = "from dataflow_kernels.extension import lab_spark\nspark.range(1).count(); jvm = lab_spark()._jvm; jvm.process.kill(); jvm.process.wait()"  # noqa: E501
    results, _ = lab_kernel("spark-delta", kill, SEED, "spark.range(3).count()")
    assert results[2] == [("result", "3")]


def test_no_jvm_outlives_its_kernel(lab_kernel):
    """The JVM ends when its kernel does."""
    import psutil

    pid = "spark.range(1).count()\nfrom dataflow_kernels.extension import lab_spark\nprint(lab_spark()._jvm.process.pid)"
    results, _ = lab_kernel("spark-delta", pid)
    process = int(results[0][-1][1])
    deadline = time.monotonic() + 15
    while psutil.pid_exists(process) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not psutil.pid_exists(process)


def test_the_secret_of_the_gateway_is_not_left_in_the_environment(lab_kernel):
    """Whoever has it commands the JVM: no child process of a cell inherits it."""
    results, _ = lab_kernel("spark-delta", "spark.range(1).count(); import os; [name for name in os.environ if 'GATEWAY' in name]")
    assert results == [[("result", "[]")]]


def test_missing_credentials_are_named(lab_kernel):
    """A live lake without a key: each name says which variables are missing and what to do; the kernel itself works."""
    results, _ = lab_kernel("spark-delta", "1", "spark.range(1).count()", "s3", DATAFLOW_LAKE_ROOT="s3a://student-ana")
    assert results[0] == [("result", "1")]
    for kind, text in (results[1][0], results[2][0]):
        assert kind == "error"
        assert "DATAFLOW_S3_ACCESS_KEY" in text
        assert "Stop My Server" in text


def test_the_lakehouse_kernel_has_no_jvm(lab_kernel):
    """delta-rs and DuckDB write and read a table that Spark reads too, and no JVM is started."""
    results, _ = lab_kernel(
        "lakehouse",
        "import pandas as pd, duckdb, deltalake\ndeltalake.write_deltalake(lake.path('duck'), pd.DataFrame({'valor': [1.0, 2.5]}), mode='overwrite')",  # noqa: E501
        "t = lake.table(lake.path('duck')).to_pyarrow_dataset()\nduckdb.sql('select sum(valor) from t').fetchall()[0]",
        "'spark' in globals()",
        "import psutil; [child.name() for child in psutil.Process().children(recursive=True)]",
    )
    assert results == [[], [("result", "(3.5,)")], [("result", "False")], [("result", "[]")]]


def test_experiments_are_in_the_students_namespace(lab_kernel):
    """Without a tracking server, runs are kept beside the lake, under the student's own name, and nothing is said on stderr."""
    results, _ = lab_kernel(
        "mlops",
        "import mlflow\ntracking.set_experiment('modelo').name",
        "with mlflow.start_run():\n    mlflow.log_metric('a', 1.0)",
        "len(tracking.runs('modelo'))",
    )
    assert results == [[("result", "'ana/modelo'")], [], [("result", "1")]]


def test_the_archive_is_really_used(lab_kernel):
    """The JVM takes its classes from the archive; when it cannot, it says so in the log, which this test would find."""
    assert archive_path(find_java(), Path(lab_kernel.env.jars_dir)).is_file()
    lab_kernel("spark-delta", "spark.range(1).count()")
    assert "Unable to use shared archive" not in Path(lab_kernel.env.spark_log).read_text()
