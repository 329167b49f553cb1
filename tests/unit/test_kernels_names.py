"""Lazy names, the lake's paths, presets and kernelspecs."""

import json
import sys
from pathlib import Path

import pytest

from dataflow_kernels.environ import LabEnv
from dataflow_kernels.errors import EnvironmentMissing, KernelError
from dataflow_kernels.kernelspecs import SPECS, install_kernelspecs
from dataflow_kernels.lake import Lake
from dataflow_kernels.names import Lazy, settle
from dataflow_kernels.preset import NAMES, read_preset
from dataflow_kernels.s3 import connect


class Counter:
    def __init__(self):
        self.made = 0

    def make(self):
        self.made += 1
        return [1, 2]


def refuse():
    raise KernelError("not today")


def test_a_plain_cell_makes_nothing():
    """A cell that does not mention a name pays nothing for it, nor does a comment that does."""
    counter = Counter()
    names = {"spark": Lazy(counter.make)}
    namespace = dict(names)
    settle("1 + 1  # no spark\nimport pyspark", namespace, names)
    assert counter.made == 0


def test_a_cell_that_mentions_a_name_gets_the_real_object():
    """What the cell sees is no stand-in, and it is made once."""
    counter = Counter()
    names = {"spark": Lazy(counter.make)}
    namespace = dict(names)
    settle("spark.range(3)", namespace, names)
    settle("spark.range(3)", namespace, names)
    assert type(namespace["spark"]) is list
    assert counter.made == 1


def test_a_name_that_the_student_took_is_theirs():
    """`lake = 5` stays 5."""
    names = {"lake": Lazy(Counter().make)}
    namespace = {"lake": 5}
    settle("lake", namespace, names)
    assert namespace["lake"] == 5


def test_what_cannot_be_made_fails_where_it_is_used():
    """The cell runs, and the error comes with the use."""
    names = {"spark": Lazy(refuse)}
    namespace = dict(names)
    settle("spark", namespace, names)
    with pytest.raises(KernelError, match="not today"):
        namespace["spark"].range(3)
    assert isinstance(namespace["spark"], Lazy)


def test_the_stand_in_passes_for_the_real_one():
    """Code that is reached without a mention (a module, `eval`) works with the stand-in too."""
    lazy = Lazy(Counter().make)
    assert isinstance(lazy, list)
    assert lazy.count(1) == 1


def test_a_probing_display_makes_nothing():
    """IPython asks every object for its `_repr_html_`; that must not start a JVM."""
    counter = Counter()
    assert not hasattr(Lazy(counter.make), "_repr_html_")
    assert counter.made == 0


LOCAL = Lake(LabEnv(user="ana", lake_root="file:///work/lake"))
STORE = Lake(LabEnv(user="ana", lake_root="s3a://student-ana/", s3_endpoint="http://h:1", s3_access_key="a", s3_secret_key="s"))


def test_paths_are_the_same_words_in_both_lakes():
    """Only the root differs between the object store and a folder."""
    assert LOCAL.path("bronze", "pedidos") == "file:///work/lake/bronze/pedidos"
    assert STORE.path("bronze", "pedidos") == "s3a://student-ana/bronze/pedidos"
    assert STORE.landing("01-bronze") == "s3a://student-ana/landing/01-bronze"


def test_shared_layers_are_the_seeds_buckets():
    """`s3a://bronze/…` is the class's table in the store."""
    assert STORE.shared("bronze", "raw_data_source1/table1") == "s3a://bronze/raw_data_source1/table1"
    with pytest.raises(KernelError, match="platinum"):
        STORE.shared("platinum")


@pytest.mark.parametrize("part", ["..", "a/../../b", "", "a//b"])
def test_a_path_does_not_climb_out(part):
    """A path stays in the lake."""
    with pytest.raises(KernelError, match="no place in the lake"):
        LOCAL.path(part)


def test_files_of_a_folder(tmp_path):
    """Names are sorted, folders marked, and an absent folder is empty."""
    lake = Lake(LabEnv(user="ana", lake_root=tmp_path.as_uri()))
    (tmp_path / "landing" / "l" / "sub").mkdir(parents=True)
    (tmp_path / "landing" / "l" / "a b.jsonl").touch()
    assert lake.files(lake.landing("l")) == ["a b.jsonl", "sub/"]
    assert lake.files(lake.path("nothing")) == []


def test_only_the_store_needs_options():
    """delta-rs gets the key for the store, and nothing for a folder."""
    assert LOCAL.storage_options == {}
    assert STORE.storage_options["AWS_ALLOW_HTTP"] == "true"


def test_s3_without_a_store_says_what_to_use():
    """`s3` in a run without services names the missing variables and the way round."""
    with pytest.raises(EnvironmentMissing, match="DATAFLOW_S3_ENDPOINT") as caught:
        connect(LabEnv(user="ana", lake_root="file:///lake"))
    assert "`lake`" in caught.value.fix


def test_kernelspecs_are_rendered_whole(tmp_path):
    """Each kernel starts this interpreter with the extension, keeps JVM lines out of stderr, and has its preset beside it."""
    names = install_kernelspecs(tmp_path)
    assert names == ["lakehouse", "mlops", "spark-delta", "streaming"]
    for name in names:
        folder = tmp_path / "kernels" / name
        argv = json.loads((folder / "kernel.json").read_text())["argv"]
        assert argv[0] == sys.executable
        assert "--ext=dataflow_kernels.extension" in argv
        assert "--IPKernelApp.capture_fd_output=False" in argv
        assert read_preset(folder) == read_preset(SPECS / name)


def test_presets_are_what_they_promise():
    """`lakehouse` has no JVM at all; `spark-delta` warms one; without a preset every name is there."""
    assert "spark" not in read_preset(SPECS / "lakehouse").names
    assert read_preset(SPECS / "spark-delta").warm
    assert read_preset(None).names == NAMES
    assert read_preset(Path("/nowhere")).names == NAMES
