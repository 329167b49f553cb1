"""The namespace on Kubernetes: what may speak to what, and how much all of it may take."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import Any

from dataflow_hub.containers.engine import SERVICE
from dataflow_hub.server.cluster.model import MEMORY_KEPT, SERVER_PORT, Cluster, Reach, sizes, students_reach
from dataflow_hub.server.spawn_profiles import PROFILES
from dataflow_hub.services.catalogue import find
from dataflow_hub.settings import Lab

GRADING = "dataflow-lab.org/grading"  # the label of pods that run submissions
STUDENTS, HUB, PROXY = ({"component": name} for name in ("singleuser-server", "hub", "proxy"))
IN_THE_HUBS_POD = ("hub", "exchange")
_PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
_API_SERVER = (443, 6443)
_CORE_MEMORY_MIB, _CORE_CORES = 4096, 4  # hub, exchange, proxy, schedulers and pullers together


def network_policies(lab: Lab, cluster: Cluster) -> list[dict[str, Any]]:
    """Give every policy: nothing may speak to anything, but for what follows. The chart adds those of its own hub and proxy."""
    reach = students_reach(lab)
    behind = [each for each in reach if each.service not in IN_THE_HUBS_POD]
    exchange = next(each for each in reach if each.service == "exchange")
    found = {
        "students": _policy(
            STUDENTS,
            [rule("from", [HUB, PROXY], SERVER_PORT)],
            [names(), *(rule("to", [selector(each)], each.port) for each in reach)],
        ),
        "grading": _policy({GRADING: "true"}, [], []),
        "exchange": _policy(HUB, [rule("from", [STUDENTS, PROXY], exchange.port)], None),
        "proxy-to-exchange": _policy(PROXY, None, [rule("to", [HUB], exchange.port)]),
        **{each.service: _policy(selector(each), *_of_service(each, behind)) for each in behind},
        # The chart has policies for its hub and proxy only; these two ask the API server, which no selector names.
        "chart-jobs": _policy(
            None,
            [],
            [names(), api_server()],
            expressions=[{"key": "component", "operator": "In", "values": ["user-scheduler", "image-puller"]}],
        ),
    }
    rest = [_object("networking.k8s.io/v1", "NetworkPolicy", name, cluster, policy) for name, policy in found.items()]
    return [deny_all(cluster), *rest]


def network_policy(
    name: str, cluster: Cluster, labels: dict[str, str], ingress: list[dict[str, Any]] | None, egress: list[dict[str, Any]] | None
) -> dict[str, Any]:
    """Give one policy."""
    return _object("networking.k8s.io/v1", "NetworkPolicy", name, cluster, _policy(labels, ingress, egress))


def deny_all(cluster: Cluster) -> dict[str, Any]:
    """Give the policy that closes a namespace: what others open is all that is open."""
    return network_policy("default-deny", cluster, {}, [], [])


def selector(reach: Reach) -> dict[str, str]:
    """Give the labels of the pod that a service is in."""
    return HUB if reach.service in IN_THE_HUBS_POD else {SERVICE: reach.service}


def namespace(name: str) -> dict[str, Any]:
    """Give a namespace: whatever is no `restricted` pod is refused in it."""
    labels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "audit", "warn")}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def limits(lab: Lab, cluster: Cluster) -> list[dict[str, Any]]:
    """Give the quota of the namespace, and the limits of each container and each home in it.

    The quota is for `cluster.at_once` servers of the largest profile, and a home for each of `cluster.students`.
    """
    sandbox = lab.settings.sandbox
    memory = ceil(sandbox.memory_mib * max(profile.memory for profile in PROFILES))
    cores = sandbox.cpu_cores * max(profile.cores for profile in PROFILES)
    kept = max(float(sizes(profile, sandbox)["cpu_guarantee"]) for profile in PROFILES)
    hard = {
        "requests.memory": f"{ceil(memory * MEMORY_KEPT) * cluster.at_once + _CORE_MEMORY_MIB}Mi",
        "limits.memory": f"{memory * cluster.at_once + _CORE_MEMORY_MIB}Mi",
        "requests.cpu": f"{ceil(kept * cluster.at_once + _CORE_CORES)}",
        "persistentvolumeclaims": f"{cluster.students + 2}",
        "requests.storage": f"{sandbox.home_mib * (cluster.students + 2) + 100 * 1024}Mi",
        "services.loadbalancers": "1",
    }
    each = {
        "type": "Container",
        "max": {"memory": f"{max(memory, 2048)}Mi", "cpu": f"{max(cores, 2):g}"},
        "default": {"memory": "256Mi", "cpu": "500m"},
        "defaultRequest": {"memory": "64Mi", "cpu": "50m"},
    }
    return [
        _object("v1", "ResourceQuota", "lab", cluster, {"hard": hard}),
        _object("v1", "LimitRange", "lab", cluster, {"limits": [each]}),
    ]


def _of_service(own: Reach, others: Sequence[Reach]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Give who may come to a service (students, the hub, and the services that depend on it), and where it may go."""
    callers = [selector(each) for each in others if own.service in find(each.service).depends_on]
    needs = [each for each in others if each.service in find(own.service).depends_on]
    leaves = [names(), *(rule("to", [selector(each)], each.port) for each in needs)] if needs else []
    return [rule("from", [STUDENTS, HUB, *callers], own.port)], leaves


def _policy(
    labels: dict[str, str] | None,
    ingress: list[dict[str, Any]] | None,
    egress: list[dict[str, Any]] | None,
    expressions: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """Give a policy's content; None leaves a direction to other policies, an empty list closes it."""
    directions = {"Ingress": ingress, "Egress": egress}
    chosen: dict[str, Any] = {"matchExpressions": expressions} if expressions else ({"matchLabels": labels} if labels else {})
    return {
        "podSelector": chosen,
        "policyTypes": [name for name, rules in directions.items() if rules is not None],
        **{name.lower(): rules for name, rules in directions.items() if rules},
    }


def rule(direction: str, labels: Sequence[dict[str, str]], number: int) -> dict[str, Any]:
    """Give the rule `from` or `to` pods of this namespace with one of these labels, at one port."""
    return {direction: [{"podSelector": {"matchLabels": each}} for each in labels], "ports": [port(number)]}


def names() -> dict[str, Any]:
    """Give the rule for looking names up, at the cluster's own name server."""
    cluster_names = in_namespace("kube-system") | {"podSelector": {"matchLabels": {"k8s-app": "kube-dns"}}}
    return {"to": [cluster_names], "ports": [port(53, "UDP"), port(53)]}


def in_namespace(name: str) -> dict[str, Any]:
    """Give the part of a rule that means the pods of a namespace."""
    return {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}


def api_server() -> dict[str, Any]:
    """Give the rule for asking the cluster's API server, which is no pod that a label names."""
    return {"to": [{"ipBlock": {"cidr": cidr}} for cidr in _PRIVATE], "ports": [port(number) for number in _API_SERVER]}


def port(number: int, protocol: str = "TCP") -> dict[str, Any]:
    """Give a port of a rule."""
    return {"protocol": protocol, "port": number}


def _object(version: str, kind: str, name: str, cluster: Cluster, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": cluster.namespace}, "spec": spec}
