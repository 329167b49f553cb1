"""`topics` without a broker: names, options and errors."""

from dataclasses import replace

import pytest

from dataflow_kernels.environ import LabEnv
from dataflow_kernels.errors import BrokerMissing, EnvironmentMissing, KernelError
from dataflow_kernels.topics import Topics, _dotted

LIVE = LabEnv(user="ana.b", lake_root="s3a://x", kafka_bootstrap="127.0.0.1:9092", kafka_username="ana--b", kafka_password="login-of-ana")


def test_names_are_in_the_students_namespace_once():
    """A short name and a full one give the same; where nothing is live the account's own namespace is used."""
    topics = Topics(LIVE)
    assert topics.name("pedidos") == topics.name("ana--b.pedidos") == "ana--b.pedidos"
    assert Topics(LabEnv(user="ana.b", lake_root="file:///x")).name("pedidos") == "ana--b.pedidos"


@pytest.mark.parametrize("name", ["", "pedidos de ana", "região", "a" * 250, "../x", "a\nb"])
def test_a_name_that_kafka_does_not_take_is_told_at_once(name):
    """Before any request is made."""
    with pytest.raises(KernelError, match="no name for a topic"):
        Topics(LIVE).name(name)


def test_sparks_options_log_in_and_do_not_show_the_password():
    """Everything Spark needs is in them; what a cell shows of them is saved with the notebook, and holds no password."""
    options = Topics(LIVE).options("pedidos")
    assert options["subscribe"] == "ana--b.pedidos"
    assert options["groupIdPrefix"].startswith("ana--b.")
    assert "login-of-ana" in options["kafka.sasl.jaas.config"]
    assert "login-of-ana" not in repr(options)
    assert "login-of-ana" not in repr(Topics(LIVE))


def test_without_a_kafka_the_error_says_what_to_do():
    """A run with neither server nor jars has names, and says what is missing where more is wanted."""
    topics = Topics(LabEnv(user="ana", lake_root="file:///x"))
    assert topics.name("pedidos") == "ana.pedidos"
    with pytest.raises(BrokerMissing, match="No Kafka belongs to this run") as caught:
        topics.options("pedidos")
    assert "./lab up streaming" in caught.value.fix


def test_half_a_login_is_named():
    """The missing variable is named."""
    with pytest.raises(EnvironmentMissing, match="DATAFLOW_KAFKA_PASSWORD"):
        Topics(replace(LIVE, kafka_password=""))


def test_options_are_librdkafkas_with_dots():
    """Underscores stand for dots, but in callbacks."""
    assert _dotted({"linger_ms": 5, "error_cb": print, "on_commit": print, "fetch.min.bytes": 1}) == {
        "linger.ms": 5, "error_cb": print, "on_commit": print, "fetch.min.bytes": 1,
    }  # fmt: skip


def test_only_a_broker_of_ones_own_is_killed():
    """On the class's broker the error says how to get one; where it is the kernel's own already, that is the one."""
    with pytest.raises(KernelError, match=r"topics\.own_broker\(\)"):
        Topics(LIVE).restart_broker()
    alone = Topics(LabEnv(user="ana", lake_root="file:///x"))
    assert alone.own_broker() is alone
    own = Topics(LIVE).own_broker()
    assert own.prefix == "ana--b."
    with pytest.raises(BrokerMissing):
        own.restart_broker()
