"""The pod that KubeSpawner makes of the rendered values: as closed as a container on one machine."""

from types import SimpleNamespace

import kubespawner.spawner
import pytest
import yaml
from kubernetes_asyncio.client import ApiClient
from kubespawner import KubeSpawner
from tests.clusters import CLUSTER, make_lab
from tests.loops import run_apart
from traitlets.config import Config

from dataflow_hub.operations import roster
from dataflow_hub.roster import open_roster
from dataflow_hub.server.cluster.kubernetes_hub import configure
from dataflow_hub.server.cluster.render import RENDERERS
from dataflow_kernels.environ import LabEnv

# Which trait each of the values becomes: what the chart's own configuration of the hub does, of its version 4.4.0.
CHART_TRAITS = {
    "mem_limit": ("memory", "limit"),
    "mem_guarantee": ("memory", "guarantee"),
    "cpu_limit": ("cpu", "limit"),
    "cpu_guarantee": ("cpu", "guarantee"),
    "storage_capacity": ("storage", "capacity"),
    "allow_privilege_escalation": ("allowPrivilegeEscalation",),
    "extra_pod_config": ("extraPodConfig",),
    "profile_list": ("profileList",),
    "start_timeout": ("startTimeout",),
    "cmd": ("cmd",),
}
KERNEL = LabEnv(
    user="ana.b", lake_root="s3a://student-ana-b", exchange_url="http://127.0.0.1:8002/services/exchange/", jars_dir="/the/hubs/own"
)


def chart(values):
    """Give the configuration that the chart makes of its values, and of the mount of a home that it adds."""
    c, single = Config(), values["singleuser"]
    for trait, path in CHART_TRAITS.items():
        value = single
        for key in path:
            value = value[key]
        c.KubeSpawner[trait] = value
    c.KubeSpawner.image = f"{single['image']['name']}:{single['image']['tag']}"
    home = {"mountPath": single["storage"]["homeMountPath"], "name": "home"}
    c.KubeSpawner.storage_pvc_ensure = True
    c.KubeSpawner.volumes = {"home": {"name": "home", "persistentVolumeClaim": {"claimName": "{pvc_name}"}}} | single["storage"][
        "extraVolumes"
    ]
    c.KubeSpawner.volume_mounts = {"home": home} | single["storage"]["extraVolumeMounts"]
    for name, traits in values["hub"]["config"].items():
        c[name].update(traits)
    return c


@pytest.fixture
def lab(tmp_path):
    lab = make_lab(tmp_path)
    roster.add(lab, "medallion", "ana.b", "Ana", "student", "en")
    return lab


@pytest.fixture
def spawner(lab, monkeypatch):
    monkeypatch.setattr(kubespawner.spawner, "load_config", lambda **_: None)
    monkeypatch.setattr(kubespawner.spawner, "shared_client", lambda *_: None)
    c = chart(yaml.safe_load(RENDERERS["kubernetes"](lab, CLUSTER)["values.yaml"]))
    configure(c, lab)
    hub = SimpleNamespace(public_host="", url="/hub/", base_url="/hub/", api_url="http://hub:8081/hub/api")
    user = SimpleNamespace(name="ana.b", id=1, url="/user/ana.b/", settings={})
    monkeypatch.setattr(c.JupyterHub.spawner_class, "_start_watching_pods", lambda *_, **__: None)
    made = c.JupyterHub.spawner_class(config=c, user=user, hub=hub, _mock=True)
    made.api_token, made.cookie_options = "token", {}
    return made


def pod(spawner, profile="spark"):
    """Give the pod of a start, as the API server would be sent it: as far as a start goes without a cluster."""

    async def make():
        spawner.prepare(KERNEL)
        spawner.user_options = {"profile": profile}
        await spawner.load_user_options()
        async with ApiClient() as client:
            return client.sanitize_for_serialization(await spawner.get_pod_manifest())

    return run_apart(make())


def test_every_trait_that_is_rendered_is_one_that_kubespawner_has(lab):
    """One that it does not know is passed over with a warning, and does nothing."""
    rendered = yaml.safe_load(RENDERERS["kubernetes"](lab, CLUSTER)["values.yaml"])["hub"]["config"]
    assert set(rendered["KubeSpawner"]) | set(rendered["Spawner"]) <= set(KubeSpawner.class_trait_names(config=True))


def test_a_pod_is_nobodys_root_and_has_no_right(spawner, lab):
    """What `restricted` asks for, and a root that cannot be written."""
    spec = pod(spawner)["spec"]
    (container,) = spec["containers"]
    uid = open_roster(lab).uid("ana.b")
    wanted = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}, "fsGroup": uid}
    assert spec["securityContext"].items() >= wanted.items()
    found = container["securityContext"]
    assert (found["runAsUser"], found["runAsGroup"], found["allowPrivilegeEscalation"]) == (uid, uid, False)
    assert (found["capabilities"], found["readOnlyRootFilesystem"]) == ({"drop": ["ALL"]}, True)
    assert not found.get("privileged")
    assert (spec["automountServiceAccountToken"], spec["enableServiceLinks"]) == (False, False)
    assert not [name for name in ("hostNetwork", "hostPID", "hostIPC", "initContainers", "serviceAccountName") if spec.get(name)]


@pytest.mark.parametrize(
    ("profile", "memory", "image"), [("spark", 1, "lessons"), ("light", 0.5, "notebook"), ("streaming", 1.25, "lessons")]
)
def test_a_pod_has_the_limits_of_its_profile_and_half_of_its_memory_kept_free(spawner, lab, profile, memory, image):
    (container,) = pod(spawner, profile)["spec"]["containers"]
    mib = lab.settings.sandbox.memory_mib * memory
    assert container["resources"]["limits"]["memory"] == mib * 2**20
    assert container["resources"]["requests"]["memory"] == mib * 2**19
    assert container["resources"]["limits"]["cpu"] > 0
    assert container["image"] == CLUSTER.image(image)


def test_a_pod_writes_to_its_home_and_to_memory_only(spawner, lab):
    spec = pod(spawner)["spec"]
    volumes = {each["name"]: each for each in spec["volumes"]}
    mounts = {each["mountPath"]: each for each in spec["containers"][0]["volumeMounts"]}
    writable = {path: volumes[each["name"]] for path, each in mounts.items() if not each.get("readOnly")}
    assert set(writable) == {"/home/ana.b", "/tmp", "/dev/shm"}
    assert writable["/home/ana.b"]["persistentVolumeClaim"]["claimName"] == spawner.pvc_name
    assert all(writable[path]["emptyDir"]["sizeLimit"] for path in ("/tmp", "/dev/shm"))
    assert not [each for each in volumes.values() if {"hostPath", "secret"} & set(each)]
    assert spawner.get_pvc_manifest().spec.resources.requests == {"storage": f"{lab.settings.sandbox.home_mib}Mi"}


def test_a_pod_knows_whose_it_is(spawner, lab):
    """Java wants a name for its uid; the files come from annotations, since each student's are others."""
    made = pod(spawner)
    (account,) = [each for each in made["spec"]["volumes"] if each["name"] == "account"]
    fields = {item["path"]: item["fieldRef"]["fieldPath"] for item in account["downwardAPI"]["items"]}
    annotation = fields["passwd"].removeprefix("metadata.annotations['").removesuffix("']")
    assert f"ana.b:x:{open_roster(lab).uid('ana.b')}:" in made["metadata"]["annotations"][annotation]


def test_a_pods_environment_is_the_labs(spawner):
    """Addresses that hold in a cluster, nothing that the image knows better, nothing of the hub's process."""
    found = {each["name"]: each["value"] for each in pod(spawner)["spec"]["containers"][0]["env"]}
    assert found["DATAFLOW_EXCHANGE_URL"] == "http://exchange:8002/services/exchange/"
    assert found["JUPYTERHUB_API_URL"] == "http://hub:8081/hub/api"
    assert not {"DATAFLOW_JARS_DIR", "PATH", "PYTHONPATH", "DATAFLOW_STATE"} & set(found)


def test_staff_get_the_configuration_of_staff(spawner, lab):
    roster.add(lab, "mlops", "ana.b", "Ana", "grader", "en")
    maps = [each["configMap"]["name"] for each in pod(spawner)["spec"]["volumes"] if "configMap" in each]
    assert "jupyter-staff" in maps


def test_the_policies_choose_the_pods_that_are_made(spawner, lab):
    """A selector that no pod has would leave students with nothing, or with everything."""
    rendered = yaml.safe_load_all(RENDERERS["kubernetes"](lab, CLUSTER)["policies.yaml"])
    students = next(each["spec"] for each in rendered if each["metadata"]["name"] == "students")
    made = pod(spawner)
    assert students["podSelector"]["matchLabels"].items() <= made["metadata"]["labels"].items()
    assert made["spec"]["containers"][0]["ports"][0]["containerPort"] == students["ingress"][0]["ports"][0]["port"]


def test_a_pod_mounts_only_what_is_rendered_for_it(spawner, lab):
    """A file that the ConfigMap lacks would keep the pod waiting for ever."""
    rendered = yaml.safe_load_all(RENDERERS["kubernetes"](lab, CLUSTER)["jupyter.yaml"])
    there = {each["metadata"]["name"]: set(each["data"]) for each in rendered}
    for each in pod(spawner)["spec"]["volumes"]:
        if "configMap" in each:
            keys = {item["key"] for item in each["configMap"].get("items", [])}
            assert keys <= there[each["configMap"]["name"]]


def test_who_leaves_keeps_their_work(spawner):
    assert spawner.delete_pvc is False
