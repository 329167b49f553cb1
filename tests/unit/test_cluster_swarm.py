"""A Docker swarm: the stack, and the service that each student's server becomes."""

import asyncio
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from tests.clusters import CLUSTER, make_lab
from tests.loops import run_apart
from traitlets.config import Config

from dataflow_hub.containers.engine import LABEL, hub_socket
from dataflow_hub.operations import roster
from dataflow_hub.roster import open_roster
from dataflow_hub.secrets import lab_id
from dataflow_hub.server.cluster import swarm, swarm_spawner
from dataflow_hub.server.cluster.model import STATE
from dataflow_hub.server.cluster.render import RENDERERS
from dataflow_hub.services.catalogue import find
from dataflow_hub.settings import load_lab
from dataflow_kernels.environ import LabEnv


@pytest.fixture
def lab(tmp_path):
    lab = make_lab(tmp_path)
    roster.add(lab, "medallion", "ana", "Ana", "student", "en")
    return lab


@pytest.fixture
def stack(lab):
    return yaml.safe_load(RENDERERS["swarm"](lab, CLUSTER)["stack.yaml"])


def test_compose_itself_finds_the_stack_valid(lab, tmp_path):
    """All that it has to say is that some of it is for Swarm."""
    (tmp_path / "stack.yaml").write_text(RENDERERS["swarm"](lab, CLUSTER)["stack.yaml"])
    argv = [Path(sys.executable).with_name("docker-compose"), "--file", tmp_path / "stack.yaml", "config", "--quiet"]
    done = subprocess.run(argv, capture_output=True, text=True, env={"HOME": str(tmp_path)})
    assert (done.returncode, [line for line in done.stderr.splitlines() if "Swarm" not in line]) == (0, [])


def test_only_the_front_door_is_published_and_only_by_tls(stack):
    assert [name for name, service in stack["services"].items() if "ports" in service] == ["proxy"]


def test_every_overlay_is_encrypted_and_one_leads_out(stack):
    overlays = {name: network for name, network in stack["networks"].items() if name != "none"}
    assert all(network["driver_opts"] == {"encrypted": "true"} and not network["attachable"] for network in overlays.values())
    assert [name for name, network in overlays.items() if not network["internal"]] == ["front"]


def test_secrets_are_the_swarms_and_each_service_has_its_own(stack):
    assert all(each["external"] for each in stack["secrets"].values())
    for name, service in stack["services"].items():
        assert {each["source"] for each in service.get("secrets", [])} <= set(find(name).secrets)
    assert "store-root-key" not in {each["source"] for each in stack["services"]["mlflow"]["secrets"]}


def test_a_service_may_do_nothing_but_serve_and_stays_where_the_state_is(stack):
    for name, service in stack["services"].items():
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
        assert set(service.get("cap_add", [])) == set(find(name).container.capabilities)
        assert set(service["deploy"]["resources"]["limits"]) == {"memory", "pids"}
        assert "node.role == manager" in service["deploy"]["placement"]["constraints"]
    roots = [name for name, service in stack["services"].items() if service["user"] == "0:0"]
    assert roots == ["hub", "docker-api"]  # one gives homes away, the other holds the engine's socket and has no network
    assert stack["services"]["docker-api"]["networks"] == ["none"]


def test_each_container_starts_with_settings_that_hold_there(stack):
    """A hub that would make sandboxes refuses to start in a container, which may make none."""
    for service in stack["services"].values():
        found = load_lab(environ=service["environment"])
        assert (found.settings.sandbox.kind, found.settings.services.backend, found.settings.hub.bind) == ("docker", "docker", "0.0.0.0")
        assert str(found.workspace.state) == STATE


class Engine:
    """Takes the service that it is asked to make, and says that it runs."""

    def __init__(self):
        self.made = {}

    def create_service(self, **asked):
        self.made = asked
        return {"ID": "0123456789"}

    def tasks(self, **_asked):
        return [{"Status": {"State": "running"}}]

    def inspect_service(self, _name):
        return {"ID": "0123456789"} if self.made else None


@pytest.fixture
def spawner(lab, monkeypatch):
    """Give Ana's spawner, set up by the rendered piece of configuration, before an engine that makes nothing."""
    monkeypatch.setattr(swarm_spawner, "give_away", lambda _folder, _uid: None)  # only root may
    c = Config()
    exec(RENDERERS["swarm"](lab, CLUSTER)["jupyterhub_config.d/10-swarm.py"], {"get_config": lambda: c})
    c.Provisioning.lab = lab
    user = SimpleNamespace(name="ana", id=1, escaped_name="ana", url="/user/ana/", settings={})
    made = c.JupyterHub.spawner_class(config=c, user=user, hub=None, api_token="token")
    monkeypatch.setattr(type(made), "get_env", lambda self: {"DATAFLOW_EXCHANGE_URL": self.kernel.exchange_url})
    monkeypatch.setattr(type(made), "get_args", lambda _self: [])
    engine = Engine()
    monkeypatch.setattr(type(made), "client", engine)
    monkeypatch.setattr(made, "get_object", lambda: asyncio.sleep(0, engine.inspect_service("")))
    made.engine = engine
    return made


def test_a_students_server_becomes_a_service_that_may_do_nothing_else(spawner, lab):
    """The engine is asked for exactly what a container on one machine is, in Swarm's words, on a worker."""
    address = run_apart(spawner.launch(LabEnv(user="ana", lake_root="s3a://student-ana")))
    assert address == "http://dataflow-ana:8888"
    task, sandbox = spawner.engine.made["task_template"], lab.settings.sandbox
    container, uid = task["ContainerSpec"], open_roster(lab).uid("ana")
    assert container["Image"] == CLUSTER.image("lessons")
    assert container["User"] == f"{uid}:{uid}"
    assert (container["ReadOnly"], container["CapabilityDrop"]) == (True, ["ALL"])
    assert container["Labels"] == {LABEL: lab_id(lab)}
    limits = {"MemoryBytes": sandbox.memory_mib << 20, "NanoCPUs": int(sandbox.cpu_cores * 1e9), "Pids": sandbox.processes}
    assert task["Resources"]["Limits"] == limits
    assert task["Placement"]["Constraints"] == ["node.role == worker"]
    assert task["RestartPolicy"] == {"Condition": "none"}
    assert [network["Target"] for network in task["Networks"]] == [swarm.network_name(CLUSTER, swarm.STUDENTS)]
    assert not spawner.engine.made["endpoint_spec"].get("Ports")


def test_of_the_machine_a_student_sees_a_home_to_write_and_the_rest_to_read(spawner, lab):
    spawner.prepare(LabEnv(user="ana", lake_root="s3a://student-ana"))
    mounts = {each["Target"]: each for each in spawner.mounts}
    writable = [target for target, each in mounts.items() if each["Type"] == "bind" and not each.get("ReadOnly")]
    assert writable == ["/home/ana"]
    assert {"/etc/jupyter", "/etc/passwd", "/etc/group", "/tmp", "/dev/shm"} <= set(mounts)
    assert not [each for each in mounts.values() if str(each["Source"]).startswith(str(lab.workspace.secrets))]
    assert "size=1536m" in mounts["/tmp"]["VolumeOptions"]["DriverConfig"]["Options"]["o"]


def test_the_hub_asks_the_door_and_never_the_engine(spawner, lab):
    assert spawner.client_kwargs == {"base_url": f"unix://{hub_socket(lab)}"}


def test_the_exchange_has_a_name_where_loopback_is_each_ones_own(spawner, lab):
    spawner.prepare(LabEnv(user="ana", lake_root="s3a://student-ana", exchange_url="http://127.0.0.1:8002/services/exchange/"))
    assert spawner.get_env()["DATAFLOW_EXCHANGE_URL"] == "http://exchange:8002/services/exchange/"
