"""What is rendered for a cluster: from the lab's own settings, the same each time, closed, and without a secret."""

import ipaddress
import json
from dataclasses import replace

import pytest
import yaml
from tests.clusters import BUILT, CLUSTER, make_lab

from dataflow_hub.containers import built, gate
from dataflow_hub.errors import MissingError, SettingsError
from dataflow_hub.operations import cluster as operations
from dataflow_hub.secrets import secret
from dataflow_hub.server.cluster import pods
from dataflow_hub.server.cluster.render import RENDERERS
from dataflow_hub.services import kafka
from dataflow_hub.services.catalogue import CATALOGUE

# What the chart's values may say, of its version 4.4.0, as far as the lab says anything.
CHART_KEYS = {
    "hub": (
        *("image", "existingSecret", "config", "extraConfig", "services", "loadRoles", "concurrentSpawnLimit", "activeServerLimit"),
        *("authenticatePrometheus", "shutdownOnLogout", "extraEnv", "extraVolumes", "extraVolumeMounts", "extraContainers"),
        *("resources", "podSecurityContext", "containerSecurityContext", "networkPolicy"),
    ),
    "proxy": ("service", "https", "chp"),
    "singleuser": (
        *(
            "image",
            "cmd",
            "defaultUrl",
            "startTimeout",
            "memory",
            "cpu",
            "allowPrivilegeEscalation",
            "extraPodConfig",
            "storage",
            "networkPolicy",
        ),
        *("cloudMetadata", "profileList"),
    ),
    "scheduling": ("userScheduler", "userPlaceholder"),
    "prePuller": ("resources", "hook"),
    "cull": ("enabled", "timeout", "every"),
}
EVERYTHING = ipaddress.ip_network("0.0.0.0/0")
METADATA = ipaddress.ip_address("169.254.169.254")


RENDERED = {}


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    return make_lab(tmp_path_factory.mktemp("lab"))


def render(lab, kind="kubernetes"):
    if (lab.workspace.state, kind) not in RENDERED:
        RENDERED[lab.workspace.state, kind] = RENDERERS[kind](lab, CLUSTER)
    return RENDERED[lab.workspace.state, kind]


def values(lab):
    return yaml.safe_load(render(lab)["values.yaml"])


def objects(lab, name):
    return {(each["kind"], each["metadata"]["name"]): each for each in yaml.safe_load_all(render(lab)[name])}


def policy(lab, name, file="policies.yaml"):
    return objects(lab, file)["NetworkPolicy", name]["spec"]


def ports(rules):
    return {port["port"] for rule in rules for port in rule["ports"]}


def peers(rules, direction):
    return [peer for rule in rules for peer in rule[direction]]


@pytest.mark.parametrize("kind", RENDERERS)
def test_the_same_lab_renders_the_same_files_wherever_its_state_is(kind, tmp_path):
    """What is rendered can be kept in git, and a difference means something."""
    first, second = (make_lab(tmp_path / name) for name in ("one", "two"))
    assert render(first, kind) == render(second, kind)
    assert not [name for name, text in render(first, kind).items() if str(tmp_path) in text]


@pytest.mark.parametrize("kind", RENDERERS)
def test_no_file_holds_a_secret(kind, tmp_path):
    """Neither one that the lab made, nor one of a login that the settings hold."""
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "dataflow.toml").write_text('[auth]\nkind = "oidc"\noptions = { client_secret = "told-by-the-provider" }\n')
    lab = make_lab(tmp_path)
    names = {name for service in CATALOGUE for name in service.secrets} | {"hub-cookie", "hub-admin-token", "exchange-hub-token"}
    held = {"told-by-the-provider", *(secret(lab.workspace, name) for name in names)}
    files = render(lab, kind)
    held |= {path.read_text().strip() for path in lab.workspace.secrets.iterdir()}  # had rendering made one
    assert not [name for name, text in files.items() for value in held if value in text]


@pytest.mark.parametrize("kind", RENDERERS)
def test_every_file_is_valid_in_its_language(kind, lab):
    for name, text in render(lab, kind).items():
        if name.endswith(".yaml"):
            assert all(yaml.safe_load_all(text))
        if name.endswith(".json"):
            assert json.loads(text)
        if name.endswith(".py"):
            compile(text, name, "exec")


def test_the_values_are_the_charts(lab):
    """A key that the chart does not know would be refused, or silently do nothing."""
    found = values(lab)
    assert set(found) <= set(CHART_KEYS)
    assert not [(section, key) for section, keys in found.items() for key in keys if key not in CHART_KEYS[section]]


def test_sizes_images_and_times_are_those_of_the_settings(tmp_path):
    sizes = {"DATAFLOW__SANDBOX__MEMORY_MIB": "4096", "DATAFLOW__SANDBOX__CPU_CORES": "2", "DATAFLOW__SANDBOX__HOME_MIB": "512"}
    lab = make_lab(tmp_path, **sizes, DATAFLOW__SANDBOX__IDLE_MINUTES="30", DATAFLOW__HUB__LANGUAGE="pt-BR")
    found = values(lab)
    assert found["singleuser"]["memory"] == {"limit": "4096M", "guarantee": "2048M"}
    assert found["singleuser"]["cpu"] == {"limit": 2.0, "guarantee": 0.5}
    assert found["singleuser"]["storage"]["capacity"] == "512Mi"
    assert found["cull"] == {"enabled": True, "timeout": 1800, "every": 180}
    profiles = {each["slug"]: each for each in found["singleuser"]["profileList"]}
    assert profiles["light"]["display_name"] == "Leve"
    assert profiles["light"]["kubespawner_override"]["image"] == CLUSTER.image("notebook")
    assert profiles["mlops"]["kubespawner_override"]["cpu_limit"] == 4.0
    assert [slug for slug, each in profiles.items() if each["default"]] == ["spark"]


def test_the_quota_holds_those_who_are_there_at_once_and_everybodys_home(lab):
    """Twice as many at once need twice the memory, whichever profile they chose."""
    hard = objects(lab, "namespace.yaml")["ResourceQuota", "lab"]["spec"]["hard"]
    more = yaml.safe_load_all(RENDERERS["kubernetes"](lab, replace(CLUSTER, at_once=200))["namespace.yaml"])
    twice = next(each["spec"]["hard"] for each in more if each["kind"] == "ResourceQuota")
    largest = int(lab.settings.sandbox.memory_mib * 1.25)
    assert int(twice["limits.memory"].removesuffix("Mi")) - int(hard["limits.memory"].removesuffix("Mi")) == 100 * largest
    assert int(hard["persistentvolumeclaims"]) >= CLUSTER.students
    assert int(hard["requests.storage"].removesuffix("Mi")) > CLUSTER.students * lab.settings.sandbox.home_mib


def test_secrets_come_by_reference(lab):
    found = values(lab)
    assert found["hub"]["existingSecret"]
    assert found["proxy"]["https"]["secret"]["name"]
    assert not [service for service in found["hub"]["services"].values() if {"api_token", "apiToken"} & set(service)]


def test_a_server_token_may_do_what_it_may_on_one_machine(lab):
    scopes = values(lab)["hub"]["config"]["Spawner"]["server_token_scopes"]
    assert scopes == ["users:activity!user", "read:users:name!user", "access:services!service=exchange"]


@pytest.mark.parametrize("file", ["policies.yaml", "spark/namespace.yaml"])
def test_what_nothing_opens_is_closed(lab, file):
    """In each namespace every pod is chosen, in both directions, by a policy that allows nothing."""
    assert policy(lab, "default-deny", file) == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


@pytest.mark.parametrize("moved", [{}, {"DATAFLOW__PORTS__S3": "9900", "DATAFLOW__PORTS__KAFKA": "9992"}], ids=["usual", "moved"])
def test_students_reach_what_the_gate_lets_them_reach_and_name_servers(tmp_path, moved):
    """One list for containers on one machine and for pods; nothing by address, and no other student."""
    lab = make_lab(tmp_path, **moved)
    rules = policy(lab, "students")["egress"]
    names = [rule for rule in rules if "namespaceSelector" in rule["to"][0]]
    assert ports(names) == {53}
    assert ports(rules) - {53} == {getattr(lab.settings.ports, name) for name in gate.SERVICES}
    assert not [peer for peer in peers(rules, "to") if "ipBlock" in peer or not peer["podSelector"].get("matchLabels")]
    assert {"component": "singleuser-server"} not in [peer["podSelector"]["matchLabels"] for peer in peers(rules, "to")]
    callers = [peer["podSelector"]["matchLabels"]["component"] for peer in peers(policy(lab, "students")["ingress"], "from")]
    assert callers == ["hub", "proxy"]


def test_what_students_may_call_lets_them_in(lab):
    """An open way out is of no use where the other side is closed; the hub's own port is the chart's to open."""
    students = {"podSelector": {"matchLabels": {"component": "singleuser-server"}}}
    open_to_students = {
        port
        for each in objects(lab, "policies.yaml").values()
        for rule in each["spec"].get("ingress", [])
        if students in rule["from"]
        for port in ports([rule])
    }
    assert open_to_students == {getattr(lab.settings.ports, name) for name in gate.SERVICES if name != "hub_api"}


def test_grading_has_no_network(lab):
    found = policy(lab, "grading")
    assert found["policyTypes"] == ["Ingress", "Egress"]
    assert not {"ingress", "egress"} & set(found)


def test_no_policy_opens_everything_or_the_metadata_of_the_cloud(lab):
    """The API server is the one thing that is reached by address, and only by the chart's own and by Spark's drivers."""
    by_address = {}
    for file in ("policies.yaml", "spark/namespace.yaml"):
        for (kind, name), each in objects(lab, file).items():
            rules = each["spec"].get("egress", []) if kind == "NetworkPolicy" else []
            blocks = [ipaddress.ip_network(peer["ipBlock"]["cidr"]) for peer in peers(rules, "to") if "ipBlock" in peer]
            by_address |= {name: blocks} if blocks else {}
    assert set(by_address) == {"chart-jobs", "driver"}
    assert not [block for blocks in by_address.values() for block in blocks if block == EVERYTHING or METADATA in block]
    found = values(lab)
    rules = [found["hub"]["networkPolicy"]["egressAllowRules"], found["proxy"]["chp"]["networkPolicy"]["egressAllowRules"]]
    assert not [each for each in rules if each["cloudMetadataServer"] or each["dnsPortsCloudMetadataServer"] or each["nonPrivateIPs"]]
    assert found["singleuser"]["networkPolicy"] == {"enabled": False}  # policies add up: the chart's would open more


def test_every_container_is_nobodys_root_has_no_right_and_a_limit(lab):
    hub = values(lab)["hub"]
    executor = yaml.safe_load(render(lab)["spark/executor.yaml"])["spec"]
    assert hub["podSecurityContext"].items() >= pods.NO_ROOT.items()
    assert executor["securityContext"].items() >= pods.NO_ROOT.items()
    contexts = [hub["containerSecurityContext"], *(each["securityContext"] for each in (*hub["extraContainers"], *executor["containers"]))]
    for each in contexts:
        assert (each["allowPrivilegeEscalation"], each["capabilities"], each["readOnlyRootFilesystem"]) == (False, {"drop": ["ALL"]}, True)
    assert values(lab)["hub"]["config"]["KubeSpawner"]["container_security_context"] == pods.NO_RIGHTS
    for each in (hub, *hub["extraContainers"], values(lab)["proxy"]["chp"], values(lab)["prePuller"]):
        assert set(each["resources"]["limits"]) == {"memory", "cpu"}
    assert (
        objects(lab, "namespace.yaml")["Namespace", "dataflow"]["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    )


def test_no_pod_mounts_more_than_a_config_map_may_hold(lab):
    """Kubernetes refuses one above a megabyte."""
    assert not [name for name, each in objects(lab, "jupyter.yaml").items() if len(json.dumps(each["data"])) > 1_000_000]


def test_staff_and_students_are_set_up_apart(lab):
    page = "labconfig--page_config.json"
    found = {role: objects(lab, "jupyter.yaml")["ConfigMap", f"jupyter-{role}"]["data"][page] for role in ("student", "staff")}
    assert "formgrader" in found["student"]
    assert "formgrader" not in found["staff"]


def test_managed_services_grant_what_the_labs_own_do(lab):
    """A bucket of one's own and the shared ones to read; rights below one's own prefix, the same operations as the lab's broker."""
    files = render(lab)
    statements = {each["Sid"]: each for each in json.loads(files["managed/s3-policy.json"])["Statement"]}
    writers = [each for each in statements.values() if "s3:PutObject" in each["Action"]]
    assert [each["Resource"] for each in writers] == [["arn:aws:s3:::@BUCKET@/*"]]
    assert not [action for each in statements.values() for action in each["Action"] if "*" in action]
    lines = [line for line in files["managed/kafka-acls.sh"].splitlines() if line.startswith("kafka-acls")]
    assert all("prefixed" in line and "@NAMESPACE@." in line for line in lines)
    assert sum(line.count("--operation") for line in lines) == len(kafka.bindings("ana"))


@pytest.mark.parametrize(
    ("kind", "environ", "what"),
    [
        ("kubernetes", {"DATAFLOW__HUB__PUBLIC_URL": "http://lab.school.example"}, "front door"),
        ("kubernetes", {"DATAFLOW__PORTS__HUB_API": "8090"}, "8081"),
        ("swarm", {"DATAFLOW__TLS__CERTIFICATE": "", "DATAFLOW__TLS__KEY": ""}, "certificate"),
    ],
)
def test_what_would_be_open_or_could_not_work_is_refused(tmp_path, kind, environ, what):
    with pytest.raises(SettingsError, match=what):
        render(make_lab(tmp_path, **environ), kind)


def test_the_files_are_written_with_the_images_that_were_built(tmp_path):
    """Rendering names images; it neither builds nor guesses them."""
    lab = make_lab(tmp_path)
    asked = {"registry": CLUSTER.registry, "students": CLUSTER.students, "at_once": CLUSTER.at_once}
    with pytest.raises(MissingError, match="not built"):
        operations.render(lab, "kubernetes", tmp_path / "out", **asked)
    built.keep(lab.workspace, BUILT)
    written = operations.render(lab, "kubernetes", tmp_path / "out", **asked)
    assert {str(path.relative_to(tmp_path / "out")): path.read_text() for path in written} == render(lab)
    with pytest.raises(SettingsError, match="nomad"):
        operations.render(lab, "nomad", tmp_path / "out", **asked)


def test_a_second_lab_of_a_cluster_keeps_to_a_namespace_of_its_own(lab):
    """Nothing of it is put into the first one's."""
    files = RENDERERS["kubernetes"](lab, replace(CLUSTER, namespace="evening"))
    for name in ("namespace.yaml", "policies.yaml", "jupyter.yaml"):
        places = {each["metadata"].get("namespace", each["metadata"]["name"]) for each in yaml.safe_load_all(files[name])}
        assert places == {"evening"}
