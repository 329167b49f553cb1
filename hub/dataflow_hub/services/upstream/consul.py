"""Consul's configuration: one server on loopback, its services out of the catalogue, and nothing for who has no token."""

from __future__ import annotations

import base64
import json
import uuid
from typing import Any

from dataflow_hub.secrets import secret
from dataflow_hub.services.upstream.endpoints import Endpoint, endpoints
from dataflow_hub.services.upstream.model import Ports
from dataflow_hub.services.upstream.table import CONSUL, CONSUL_SERF, CONSUL_SERVER
from dataflow_hub.settings import Lab

CERTIFICATES = "consul"  # the folder, in `run/upstream/`, of those with which its parts know each other
_MOUNTED = "/etc/upstream"


def configuration(lab: Lab, ports: Ports) -> dict[str, str]:
    """Give the files that hold no secret, by name."""
    services = [_service(endpoint) for endpoint in endpoints(lab, ports) if endpoint.service != "consul"]
    return {"consul.json": _text(_agent(ports)), "services.json": _text({"services": services})}


def private(lab: Lab) -> dict[str, str]:
    """Give the file of its tokens and keys. Who opens its page types the `initial_management` one."""
    token = str(uuid.UUID(secret(lab.workspace, "consul-token")[:32]))
    gossip = base64.b64encode(bytes.fromhex(secret(lab.workspace, "consul-gossip-key"))).decode()
    # No `default`: that one would be used for whoever brings none.
    tokens = {"initial_management": token, "agent": token, "config_file_service_registration": token}
    return {"private.json": _text({"encrypt": gossip, "acl": {"tokens": tokens}})}


def _agent(ports: Ports) -> dict[str, Any]:
    return {
        "server": True,
        "bootstrap_expect": 1,
        "node_name": "lab",
        "datacenter": "lab",
        "data_dir": "/consul/data",
        "bind_addr": "127.0.0.1",
        "client_addr": "127.0.0.1",
        "disable_update_check": True,
        "ui_config": {"enabled": True},
        "ports": {
            "http": ports[CONSUL.variable],
            "server": ports[CONSUL_SERVER.variable],
            "serf_lan": ports[CONSUL_SERF.variable],
            "serf_wan": -1,
            "dns": -1,  # it could answer nobody: a DNS question brings no token
            "grpc": -1,
            "grpc_tls": -1,
        },
        "acl": {"enabled": True, "default_policy": "deny"},
        "tls": {
            "internal_rpc": {
                "ca_file": f"{_MOUNTED}/ca.crt",
                "cert_file": f"{_MOUNTED}/node.crt",
                "key_file": f"{_MOUNTED}/node.key",
                "verify_incoming": True,
                "verify_outgoing": True,
            }
        },
    }


def _service(endpoint: Endpoint) -> dict[str, Any]:
    how: dict[str, Any] = {"http": endpoint.target, "tls_skip_verify": True} if endpoint.http else {"tcp": endpoint.target}
    check = {"name": f"{endpoint.service} answers", **how, "interval": "30s", "timeout": "5s"}
    return {"name": endpoint.service, "address": "127.0.0.1", "port": endpoint.port, "tags": [endpoint.group], "checks": [check]}


def _text(content: dict[str, Any]) -> str:
    return json.dumps(content, indent=2) + "\n"
