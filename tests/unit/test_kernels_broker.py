"""The broker's command: it uses a class-data archive where one was made."""

from pathlib import Path

from dataflow_kernels import broker, broker_archive


def test_the_archive_is_used_once_it_is_there(tmp_path):
    """Without one, no option names a file that is missing."""
    java = Path("/jdk")
    assert not [word for word in broker.command(java, tmp_path, "kafka.Kafka") if "SharedArchiveFile" in word]
    broker.archive(tmp_path).touch()
    assert f"-XX:SharedArchiveFile={tmp_path}/broker.jsa" in broker.command(java, tmp_path, "kafka.Kafka")


def test_an_archive_that_is_there_is_not_made_again(tmp_path):
    """No training run: there is no JDK at that place."""
    broker.archive(tmp_path).touch()
    said = []
    broker_archive.build(Path("/nonexistent"), tmp_path, said.append)
    assert said == []
