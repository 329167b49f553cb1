"""Spark beyond one kernel, for staff: on Kubernetes, with executors as pods, or on a standalone cluster of machines.

Students get neither. Who may start pods in a namespace can mount its secrets, and all executors of a standalone cluster are one
account's: each student's Spark stays in the student's own server.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from dataflow_hub.containers.engine import SERVICE
from dataflow_hub.server.cluster.model import Cluster
from dataflow_hub.server.cluster.pods import NO_RIGHTS, NO_ROOT
from dataflow_hub.server.cluster.policies import api_server, deny_all, in_namespace, names, namespace, network_policy, port, rule
from dataflow_hub.services import spark_cluster
from dataflow_hub.settings import Lab

IMAGE = "spark:4.2.0-dataflow"  # Spark's own image for Kubernetes with the lab's jars: see the README beside
_DRIVER, _EXECUTOR = {"spark-role": "driver"}, {"spark-role": "executor"}
_DRIVER_PORT, _BLOCKS_PORT = 7078, 7079
_USER = 185  # whom Spark's own images run as
_TEMPLATE = "/opt/dataflow/executor.yaml"


def place(cluster: Cluster) -> str:
    """Give the namespace of Spark: students' and the hub's is another."""
    return f"{cluster.namespace}-spark"


def kubernetes_properties(lab: Lab, cluster: Cluster) -> dict[str, str]:
    """Give `spark-defaults.conf` of a driver in a pod of the namespace, with executors in pods beside it (client mode)."""
    return {
        "spark.master": "k8s://https://kubernetes.default.svc",
        "spark.submit.deployMode": "client",
        "spark.kubernetes.namespace": place(cluster),
        "spark.kubernetes.container.image": IMAGE,
        "spark.kubernetes.executor.podTemplateFile": _TEMPLATE,
        "spark.driver.host": f"spark-driver.{place(cluster)}.svc",  # the headless service: executors call back
        "spark.driver.bindAddress": "0.0.0.0",  # noqa: S104 - the pod's own addresses; policies say who comes in
        "spark.driver.port": str(_DRIVER_PORT),
        "spark.blockManager.port": str(_BLOCKS_PORT),
        "spark.authenticate": "true",  # Spark makes a secret for each application here
        "spark.network.crypto.enabled": "true",
        "spark.ui.enabled": "false",
        "spark.executor.instances": "3",
        "spark.executor.cores": str(lab.settings.spark.cores),
        "spark.executor.memory": f"{lab.settings.spark.driver_memory_mib}m",
    }


def standalone_properties(lab: Lab) -> dict[str, str]:
    """Give what drivers, master and workers of a cluster of machines share; its secret is not among it."""
    return {"spark.master": f"spark://spark-master:{lab.settings.ports.spark_master}", **spark_cluster.PROPERTIES}


def properties_text(properties: Mapping[str, str], comment: str) -> str:
    """Give the text of a properties file."""
    return f"# {comment}\n" + spark_cluster.properties_text(properties)


def executor_template() -> dict[str, Any]:
    """Give what Spark makes each executor of: no rights, no token of the API server."""
    scratch = {"name": "tmp", "mountPath": "/tmp"}  # noqa: S108 - the pod's own
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "spec": {
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "securityContext": {**NO_ROOT, "runAsUser": _USER, "runAsGroup": _USER, "fsGroup": _USER},
            "containers": [{"name": "executor", "image": IMAGE, "securityContext": NO_RIGHTS, "volumeMounts": [scratch]}],
            "volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": "4Gi"}}],
        },
    }


def objects(lab: Lab, cluster: Cluster) -> list[dict[str, Any]]:
    """Give the namespace of Spark, who may start executors in it, the driver's name, and what may speak to what."""
    own = {"name": "spark-driver", "namespace": place(cluster)}
    pods = in_namespace(cluster.namespace) | {"podSelector": {"matchLabels": {SERVICE: "object-store"}}}
    store = {"to": [pods], "ports": [port(lab.settings.ports.s3)]}
    apart = replace(cluster, namespace=place(cluster))
    verbs = ["create", "get", "list", "watch", "delete", "deletecollection"]
    rights = [{"apiGroups": [""], "resources": ["pods", "configmaps", "persistentvolumeclaims"], "verbs": verbs}]
    ports = (_DRIVER_PORT, _BLOCKS_PORT)
    both = [_DRIVER, _EXECUTOR]
    inside = [rule("from", both, number) for number in ports]
    outside = [names(), store, *(rule("to", both, number) for number in ports)]
    return [
        namespace(place(cluster)),
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": own, "automountServiceAccountToken": False},
        {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": own, "rules": rights},
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": own,
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": own["name"]},
            "subjects": [{"kind": "ServiceAccount", **own}],
        },
        {"apiVersion": "v1", "kind": "Service", "metadata": own, "spec": {"clusterIP": "None", "selector": _DRIVER}},
        deny_all(apart),
        network_policy("driver", apart, _DRIVER, inside, [*outside, api_server()]),
        network_policy("executor", apart, _EXECUTOR, inside, outside),
        network_policy("object-store-from-spark", cluster, {SERVICE: "object-store"}, [_from_spark(lab, cluster)], None),
    ]


def _from_spark(lab: Lab, cluster: Cluster) -> dict[str, Any]:
    return {"from": [in_namespace(place(cluster))], "ports": [port(lab.settings.ports.s3)]}
