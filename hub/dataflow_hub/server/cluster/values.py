"""The values of the chart of Zero to JupyterHub: the hub of our own image, students' servers, front door, culling.

Version 4.4.0, the newest that was at hand, brings JupyterHub 5.5.0, in which filtered admin roles could be exploited; the lab's
is 6.1.1, and so are its students' servers. So the hub's image is the lab's own, and the chart brings the rest: deployment, proxy,
storage, rights.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from dataflow_hub.containers.built import PYTHON
from dataflow_hub.errors import SettingsError
from dataflow_hub.server import roles
from dataflow_hub.server.cluster import pods
from dataflow_hub.server.cluster.model import (
    STATE,
    Cluster,
    exchange_url,
    require_tls,
    sizes,
)
from dataflow_hub.server.spawn_profiles import PROFILES, USUAL, Profile
from dataflow_hub.server.spawner import PROGRAM, START_SECONDS
from dataflow_hub.server.texts import Texts
from dataflow_hub.services.catalogue import find
from dataflow_hub.settings import Lab

CHART = "4.4.0"
HUB_SECRET, TLS_SECRET, STATE_CLAIM = "dataflow-hub", "dataflow-tls", "dataflow-state"
# What the chart's services are called here, and the secret of the lab that is the token of each.
HUB_SERVICES = {"exchange": "exchange-hub-token", "lab": "hub-admin-token"}
_HUB_PORT = 8081  # the chart's own, whatever the values say
_OWNER = 1000  # whom the images run as
# Loaded by the chart's configuration as its last word: the lab's login, pages and spawner are Python, and no values.
_LOAD = """\
from dataflow_hub.server.cluster.kubernetes_hub import configure
from dataflow_hub.settings import load_lab
configure(c, load_lab())
"""
_CLOSED = dict.fromkeys(
    ("cloudMetadataServer", "dnsPortsCloudMetadataServer", "dnsPortsPrivateIPs", "nonPrivateIPs", "privateIPs"), False
) | {"dnsPortsKubeSystemNamespace": True}


def values(lab: Lab, cluster: Cluster) -> dict[str, Any]:
    """Give the chart's values for this lab.

    Raises
    ------
    SettingsError
        The lab has no address with TLS, or its hub's API has a port that the chart does not know.
    """
    require_tls(lab)
    if lab.settings.ports.hub_api != _HUB_PORT:
        raise SettingsError("On Kubernetes the hub's API has port 8081.", why="The chart knows no other.", fix="Leave ports.hub_api alone.")
    idle_seconds = lab.settings.sandbox.idle_minutes * 60
    return {
        "hub": _hub(lab, cluster),
        "proxy": _proxy(lab),
        "singleuser": _singleuser(lab, cluster),
        "scheduling": {
            "userScheduler": {"resources": _resources(256)},
            "userPlaceholder": {"enabled": False},
        },
        "prePuller": {"resources": _resources(64), "hook": {"resources": _resources(64)}},
        "cull": {"enabled": True, "timeout": idle_seconds, "every": max(10, idle_seconds // 10)},
    }


def _hub(lab: Lab, cluster: Cluster) -> dict[str, Any]:
    mounts = [{"name": "lab", "mountPath": "/srv/dataflow"}, {"name": "tmp", "mountPath": "/tmp"}]  # noqa: S108 - the pod's own
    environment = {"DATAFLOW_STATE": STATE, "HOME": "/tmp"}  # noqa: S108 - likewise
    # the chart brings its own culler, and a home is a volume that has an end
    hub_roles = {role["name"]: _here(role) for role in roles.hub_roles() if role["name"] not in {"idle-culler", "home-guard"}}
    return {
        "image": _image(cluster.hub_image),
        "existingSecret": HUB_SECRET,
        "config": {
            "JupyterHub": {"admin_access": False, "activity_resolution": 30},
            "Spawner": {"server_token_scopes": roles.SERVER_TOKEN_SCOPES, "http_timeout": START_SECONDS, "poll_interval": 15},
            "KubeSpawner": pods.traits(),
        },
        "extraConfig": {"10-dataflow": _LOAD},
        "services": {name: _hub_service(lab, name) for name in HUB_SERVICES},
        "loadRoles": hub_roles,
        "concurrentSpawnLimit": 40,
        "activeServerLimit": cluster.at_once,
        "authenticatePrometheus": True,
        "shutdownOnLogout": False,
        "extraEnv": environment,
        "extraVolumes": [{"name": "lab", "persistentVolumeClaim": {"claimName": STATE_CLAIM}}, {"name": "tmp", "emptyDir": {}}],
        "extraVolumeMounts": mounts,
        "resources": _resources(find("hub").container.memory_mib),
        "podSecurityContext": pods.NO_ROOT | {"fsGroup": _OWNER, "fsGroupChangePolicy": "OnRootMismatch"},
        "containerSecurityContext": pods.NO_RIGHTS | {"runAsUser": _OWNER, "runAsGroup": _OWNER},
        # Beside the hub, for they share a disk and a loopback: it asks the hub who somebody is, and both know the roster.
        "extraContainers": [
            {
                "name": "exchange",
                "image": cluster.hub_image,
                "args": [PYTHON, "-m", "dataflow_hub.exchange"],
                "env": [{"name": name, "value": value} for name, value in environment.items()],
                "volumeMounts": mounts,
                "resources": _resources(find("exchange").container.memory_mib),
                "securityContext": pods.NO_RIGHTS | pods.NO_ROOT | {"runAsUser": _OWNER, "runAsGroup": _OWNER},
            }
        ],
        "networkPolicy": {
            # The API server has a private address that no label selects; logins by another's word go out to the internet.
            "egressAllowRules": _CLOSED | {"privateIPs": True, "nonPrivateIPs": lab.settings.auth.kind in {"oidc", "github", "lti13"}},
        },
    }


def _here(role: dict[str, Any]) -> dict[str, Any]:
    """Give a role without the pages of services that a cluster does not have."""
    scopes = [scope for scope in role["scopes"] if "!service=" not in scope or scope.partition("!service=")[2] in HUB_SERVICES]
    return role | {"scopes": scopes}


def _hub_service(lab: Lab, name: str) -> dict[str, Any]:
    address = {"url": exchange_url(lab).partition("/services")[0], "oauth_no_confirm": True, "timeout": 1} if name == "exchange" else {}
    return {**address, "display": False}


def _proxy(lab: Lab) -> dict[str, Any]:
    return {
        "service": {"type": "LoadBalancer", "disableHttpPort": True},
        "https": {"enabled": True, "type": "secret", "secret": {"name": TLS_SECRET}, "hosts": [urlsplit(lab.public_url).hostname]},
        "chp": {
            "resources": _resources(find("proxy").container.memory_mib),
            "networkPolicy": {"egressAllowRules": _CLOSED},
        },
    }


def _singleuser(lab: Lab, cluster: Cluster) -> dict[str, Any]:
    volumes, mounts = pods.memory_volumes(lab)
    usual = sizes(USUAL, lab.settings.sandbox)
    return {
        "image": _image(cluster.image(USUAL.image)),
        "cmd": [PYTHON, "-c", PROGRAM],
        "defaultUrl": "/lab",
        "startTimeout": START_SECONDS,
        "memory": {"limit": usual["mem_limit"], "guarantee": usual["mem_guarantee"]},
        "cpu": {"limit": usual["cpu_limit"], "guarantee": usual["cpu_guarantee"]},
        "allowPrivilegeEscalation": False,
        "extraPodConfig": {"enableServiceLinks": False},
        "storage": {
            "type": "dynamic",
            "capacity": f"{lab.settings.sandbox.home_mib}Mi",
            "homeMountPath": "/home/{unescaped_username}",
            "extraVolumes": volumes,
            "extraVolumeMounts": mounts,
        },
        # The chart's would also open the proxy and name servers of every private address; ours are in policies.yaml.
        "networkPolicy": {"enabled": False},
        "cloudMetadata": {"blockWithIptables": False},  # by a privileged container; the policies open no way there
        "profileList": [_profile(lab, cluster, profile) for profile in PROFILES],
    }


def _profile(lab: Lab, cluster: Cluster, profile: Profile) -> dict[str, Any]:
    text = Texts(lab.settings.hub.language)
    return {
        "slug": profile.name,
        "display_name": text(f"profile_{profile.name}"),
        "description": text(f"profile_{profile.name}_text"),
        "default": profile == USUAL,
        "kubespawner_override": {"image": cluster.image(profile.image), **sizes(profile, lab.settings.sandbox)},
    }


def _image(name: str) -> dict[str, str]:
    repository, _, tag = name.rpartition(":")
    return {"name": repository, "tag": tag}


def _resources(memory_mib: int) -> dict[str, Any]:
    return {"limits": {"memory": f"{memory_mib}Mi", "cpu": 1}, "requests": {"memory": f"{memory_mib // 2}Mi", "cpu": "50m"}}
