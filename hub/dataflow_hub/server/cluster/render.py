"""All files of one orchestrator, by their names: what `./lab cluster render` writes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from string import Template
from typing import Any

from dataflow_hub.containers.built import PYTHON
from dataflow_hub.server.cluster import managed, pods, policies, spark, swarm
from dataflow_hub.server.cluster.model import CHECKOUT, STATE, Cluster, students_reach
from dataflow_hub.server.cluster.values import CHART, HUB_SECRET, HUB_SERVICES, STATE_CLAIM, TLS_SECRET, values
from dataflow_hub.services.compose_text import yaml_text
from dataflow_hub.settings import Lab

# What the hub's image wants beside the lock there: the chart's own configuration loads pycurl.
KUBESPAWNER = ("jupyterhub-kubespawner==7.1.0", "kubernetes-asyncio==36.1.0", "pycurl==7.49.0")
_PIP = f'PYTHONPATH="$(echo /usr/share/python-wheels/pip-*.whl)" python3 -m pip --python {PYTHON}'  # the images' own environment has none
_HEADER = "# Rendered by ./lab cluster render from the lab's settings and catalogue: change those, and render again.\n"


def kubernetes(lab: Lab, cluster: Cluster) -> dict[str, str]:
    """Give the files for Kubernetes.

    Raises
    ------
    SettingsError
        What the lab is set to cannot be had there.
    """
    namespace = [policies.namespace(cluster.namespace), *policies.limits(lab, cluster)]
    return {
        "README.md": _readme("kubernetes", lab, cluster),
        "Dockerfile": dockerfile(cluster, *KUBESPAWNER),
        "values.yaml": _yaml(values(lab, cluster)),
        "namespace.yaml": _yaml(*namespace),
        "policies.yaml": _yaml(*policies.network_policies(lab, cluster)),
        "jupyter.yaml": _yaml(*pods.config_maps(lab, cluster)),
        "spark/namespace.yaml": _yaml(*spark.objects(lab, cluster)),
        "spark/executor.yaml": _yaml(spark.executor_template()),
        "spark/spark-defaults.conf": spark.properties_text(spark.kubernetes_properties(lab, cluster), "A driver in Kubernetes, for staff."),
        **_everywhere(lab),
    }


def of_swarm(lab: Lab, cluster: Cluster) -> dict[str, str]:
    """Give the files for a swarm.

    Raises
    ------
    SettingsError
        What the lab is set to cannot be had there.
    """
    return {
        "README.md": _readme("swarm", lab, cluster),
        "Dockerfile": dockerfile(cluster),
        "stack.yaml": _yaml(swarm.stack(lab, cluster)),
        "jupyterhub_config.d/10-swarm.py": swarm.fragment(lab, cluster),
        **_everywhere(lab),
    }


RENDERERS: Mapping[str, Callable[[Lab, Cluster], dict[str, str]]] = {"kubernetes": kubernetes, "swarm": of_swarm}


def dockerfile(cluster: Cluster, *packages: str) -> str:
    """Give the Dockerfile of the hub's image in a cluster: the lab's own, with its code inside and what this orchestrator needs."""
    lines = [f"FROM {cluster.image('hub')}", "USER 0:0"]
    lines += [f"RUN {_PIP} install --no-cache-dir {' '.join(packages)}"] if packages else []
    lines += [f"COPY {name} {CHECKOUT}/{name}" for name in ("hub", "kernels", "courses", "notebooks")]
    lines += [f"ENV PYTHONPATH={CHECKOUT}/hub:{CHECKOUT}/kernels", "WORKDIR /srv/jupyterhub", "USER 1000:1000"]
    return "# The lab's hub with its code inside; the context is the checkout.\n" + "\n".join(lines) + "\n"


def _everywhere(lab: Lab) -> dict[str, str]:
    comment = "Master, workers and drivers of a standalone cluster; spark.authenticate.secret comes from the lab's secret spark-cluster."
    return {
        "spark/standalone.conf": spark.properties_text(spark.standalone_properties(lab), comment),
        "managed/s3-policy.json": json.dumps(managed.s3_policy(), indent=2) + "\n",
        "managed/kafka-acls.sh": managed.kafka_commands(),
    }


def _readme(kind: str, lab: Lab, cluster: Cluster) -> str:
    text = Path(__file__).with_name(f"{kind}.md").read_text(encoding="utf-8")
    names = {"hub_secret": HUB_SECRET, "tls_secret": TLS_SECRET, "state_claim": STATE_CLAIM, "chart": CHART, "state": STATE}
    pushed = [f"docker tag {tag} {cluster.image(name)} && docker push {cluster.image(name)}" for name, tag in cluster.built.items()]
    tokens = [f"  --from-file=hub.services.{name}.apiToken=<(tr -d '\\n' < SECRETS/{secret})" for name, secret in HUB_SERVICES.items()]
    reach = [f"| {each.service} | {each.port} |" for each in students_reach(lab)]
    more = {
        "hub_image": cluster.hub_image,
        "namespace": cluster.namespace,
        "spark_image": spark.IMAGE,
        "spark_namespace": spark.place(cluster),
        "core_label": swarm.CORE,
    }
    lists = {
        "pushed": "\n".join(pushed),
        "hub_tokens": " \\\n".join(tokens),
        "reach": "\n".join(reach),
        "at_once": cluster.at_once,
        "students": cluster.students,
    }
    return Template(text).substitute(**names, **more, **lists, public_url=lab.public_url)


def _yaml(*documents: Any) -> str:
    return _HEADER + yaml_text(*documents)
