"""Kafka: one broker on loopback, how it is started, and who may do what with which topics.

Everybody logs in by SCRAM, which tells neither side's password to the other: a student who listens on the broker's port while
it is down learns nothing from whoever connects. Without an entry in the access list nothing is allowed; a student has entries
for one prefix, their own. The controller's port wants a password too, else anybody on the machine could rewrite that list.
"""

from __future__ import annotations

import secrets as entropy
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dataflow_hub.errors import MissingError, ServiceError
from dataflow_hub.secrets import secret
from dataflow_hub.services.health import Probe
from dataflow_hub.services.model import Health
from dataflow_hub.settings import Lab
from dataflow_hub.workspace import write_private
from dataflow_kernels import broker, broker_archive
from dataflow_kernels.errors import KernelError
from dataflow_kernels.jars import install_jars, is_complete
from dataflow_kernels.java import find_java
from dataflow_kernels.namespaces import namespace

if TYPE_CHECKING:
    from confluent_kafka.admin import AclBinding, AdminClient

SECRETS = ("kafka-admin-password", "kafka-controller-password")
ADMIN, CONTROLLER = "lab_admin", "lab_controller"  # no student's namespace holds an underscore, so nobody can be given these names
MECHANISM = "SCRAM-SHA-512"
# What a student may do with all that begins with their own prefix, in Kafka's words.
ALLOWED = {
    "TOPIC": ("CREATE", "DESCRIBE", "READ", "WRITE", "DELETE"),
    "GROUP": ("READ", "DESCRIBE", "DELETE"),
    "TRANSACTIONAL_ID": ("WRITE", "DESCRIBE"),
}
_ITERATIONS = 4096
_PROBE_SECONDS = 3.0
_TIMEOUT_SECONDS = 20.0
_POLL_SECONDS = 0.05


@dataclass(frozen=True)
class KafkaAccess:
    """One student's way into Kafka; `username` is also the namespace that their topics' names begin with."""

    bootstrap: str
    username: str
    password: str = field(repr=False)


def bootstrap(lab: Lab) -> str:
    """Give the broker's address, as clients use it."""
    return f"127.0.0.1:{lab.settings.ports.kafka}"


def lock(lab: Lab) -> Path:
    """Give the file that locks the broker's jars."""
    return lab.workspace.root / "hub" / "kafka-jars.lock"


def install(lab: Lab, report: Callable[[str], None]) -> None:
    """Fetch and verify the broker's jars, unless they are in place."""
    if not is_complete(lock(lab), lab.workspace.kafka_jars):
        report("Fetching the jars of hub/kafka-jars.lock")
        install_jars(lock(lab), lab.workspace.kafka_jars, report)
    broker_archive.build(find_java().home, lab.workspace.kafka_jars, report)


def command(lab: Lab) -> list[str]:
    """Give the argv of the broker; its passwords are in the file that it names."""
    return broker.command(find_java().home, lab.workspace.kafka_jars, "kafka.Kafka", str(_conf(lab)))


def prepare(lab: Lab) -> None:
    """Render the broker's settings, and format its storage the first time.

    Raises
    ------
    MissingError
        The jars are not there, or the storage could not be formatted.
    """
    if not is_complete(lock(lab), lab.workspace.kafka_jars):
        raise MissingError("Kafka's jars are not installed.", why="They come with its group only.", fix="./lab up streaming")
    _data(lab).mkdir(parents=True, exist_ok=True)
    _data(lab).chmod(0o700)
    values = properties(lab)
    write_private(_conf(lab), broker.render(values))
    first = ["--add-scram", f"{MECHANISM}=[name={ADMIN},password={secret(lab.workspace, 'kafka-admin-password')}]"]
    try:
        broker.format_storage(find_java().home, lab.workspace.kafka_jars, values, first)
    except KernelError as error:
        raise MissingError(error.what, why=error.why, fix=error.fix) from error


def properties(lab: Lab) -> dict[str, str]:
    """Give all settings of the broker, its passwords among them."""
    ports = lab.settings.ports
    admin, controller = (secret(lab.workspace, name) for name in SECRETS)
    scram = f'org.apache.kafka.common.security.scram.ScramLoginModule required username="{ADMIN}" password="{admin}";'
    plain = (
        "org.apache.kafka.common.security.plain.PlainLoginModule required "
        f'username="{CONTROLLER}" password="{controller}" user_{CONTROLLER}="{controller}";'
    )
    # The controller keeps SCRAM's own records, so it cannot use them to let the broker in. Broker and controller are one process.
    return broker.properties(_data(lab) / "log", ports.kafka, ports.kafka_controller) | {
        "listener.security.protocol.map": f"{broker.CLIENTS}:SASL_PLAINTEXT,{broker.CONTROLLER}:SASL_PLAINTEXT",
        "sasl.mechanism.inter.broker.protocol": MECHANISM,
        "sasl.mechanism.controller.protocol": "PLAIN",
        "listener.name.clients.sasl.enabled.mechanisms": MECHANISM,
        "listener.name.clients.scram-sha-512.sasl.jaas.config": scram,
        "listener.name.controller.sasl.enabled.mechanisms": "PLAIN",
        "listener.name.controller.plain.sasl.jaas.config": plain,
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "allow.everyone.if.no.acl.found": "false",
        "super.users": f"User:{ADMIN};User:{CONTROLLER}",
    }


def health(lab: Lab) -> Health:
    """Ask for the cluster's metadata as the lab's admin: listener, login and controller all have to work for an answer."""
    listening = Probe("kafka")(lab)
    if not listening.ok:
        return listening
    return _answers(client_settings(lab, ADMIN, secret(lab.workspace, "kafka-admin-password")))


def is_set_up(lab: Lab) -> bool:
    """Tell whether this lab ever ran Kafka: where it did not, nobody misses it."""
    return _data(lab).is_dir()


def client_settings(lab: Lab, username: str, password: str) -> dict[str, Any]:
    """Give what a librdkafka client needs to log in."""
    return {
        "bootstrap.servers": bootstrap(lab),
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": MECHANISM,
        "sasl.username": username,
        "sasl.password": password,
        "reconnect.backoff.ms": 50,
        "reconnect.backoff.max.ms": 500,
        "log_level": 0,  # it writes to standard error by itself; what matters is told by its answers
    }


def admin_settings(lab: Lab) -> dict[str, Any]:
    """Give the settings of a client that may do everything; never hand them to a student."""
    return client_settings(lab, ADMIN, secret(lab.workspace, "kafka-admin-password"))


def grant(lab: Lab, user: str) -> KafkaAccess:
    """Give `user` a login with a fresh password and the right to everything below their own prefix, and to nothing else.

    The password given before stops working at once; topics stay from one grant to the next.

    Raises
    ------
    ServiceError
        Kafka does not answer, refuses, or does not honour the new password.
    """
    from confluent_kafka.admin import ScramCredentialInfo, ScramMechanism, UserScramCredentialUpsertion

    name, password = namespace(user), entropy.token_urlsafe(24)
    client = _admin(lab)
    _granted(lab, name).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _granted(lab, name).touch(mode=0o600)
    info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, _ITERATIONS)
    _done(client.alter_user_scram_credentials([UserScramCredentialUpsertion(name, info, password.encode())], **_patience()))
    _done(client.create_acls(bindings(name), **_patience()))
    access = KafkaAccess(bootstrap=bootstrap(lab), username=name, password=password)
    _await_login(lab, access)
    return access


def revoke(lab: Lab, user: str) -> None:
    """Take `user`'s login and rights away, open connections included; topics stay. Who never had any has nothing to lose.

    Raises
    ------
    ServiceError
        Kafka does not answer, or refuses.
    """
    from confluent_kafka.admin import AclBindingFilter as Filter
    from confluent_kafka.admin import (
        AclOperation,
        AclPermissionType,
        ResourcePatternType,
        ResourceType,
        ScramMechanism,
        UserScramCredentialDeletion,
    )

    name = namespace(user)
    if not _granted(lab, name).exists():
        return
    client = _admin(lab)
    # rights first: they end what a connection that is already open may do
    anything = (ResourceType.ANY, None, ResourcePatternType.ANY)
    everything = Filter(*anything, f"User:{name}", None, AclOperation.ANY, AclPermissionType.ANY)
    _done(client.delete_acls([everything], **_patience()))
    deletion = UserScramCredentialDeletion(name, ScramMechanism.SCRAM_SHA_512)
    _done(client.alter_user_scram_credentials([deletion], **_patience()), fine=("RESOURCE_NOT_FOUND",))
    _granted(lab, name).unlink(missing_ok=True)


def admit_reader(lab: Lab, name: str, password: str, topic: str) -> None:
    """Give a service of the lab the login `name`, which reads one topic in groups below `<name>.`, and can do nothing else.

    Raises
    ------
    ServiceError
        Kafka does not answer, or refuses.
    """
    from confluent_kafka.admin import (
        AclBinding,
        AclOperation,
        AclPermissionType,
        ResourcePatternType,
        ResourceType,
        ScramCredentialInfo,
        ScramMechanism,
        UserScramCredentialUpsertion,
    )

    client = _admin(lab)
    info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, _ITERATIONS)
    _done(client.alter_user_scram_credentials([UserScramCredentialUpsertion(name, info, password.encode())], **_patience()))
    places = ((ResourceType.TOPIC, topic, ResourcePatternType.LITERAL), (ResourceType.GROUP, f"{name}.", ResourcePatternType.PREFIXED))
    rules = [
        AclBinding(*place, f"User:{name}", "*", AclOperation[word], AclPermissionType.ALLOW)
        for place in places
        for word in ("READ", "DESCRIBE")
    ]
    _done(client.create_acls(rules, **_patience()))


def ensure_topic(lab: Lab, topic: str, partitions: int) -> None:
    """Make a topic unless it is there.

    Raises
    ------
    ServiceError
        Kafka does not answer, or takes no such name.
    """
    from confluent_kafka.admin import NewTopic

    client = _admin(lab)
    _done(client.create_topics([NewTopic(topic, partitions, 1)], **_patience()), fine=("TOPIC_ALREADY_EXISTS",))


def bindings(name: str) -> list[AclBinding]:
    """Give the access list of one student: what begins with `<name>.`, on this machine, and no other cluster operation."""
    from confluent_kafka.admin import AclBinding, AclOperation, AclPermissionType, ResourcePatternType, ResourceType

    return [
        AclBinding(
            ResourceType[kind], f"{name}.", ResourcePatternType.PREFIXED, f"User:{name}", "*", AclOperation[word], AclPermissionType.ALLOW
        )
        for kind, words in ALLOWED.items()
        for word in words
    ]


def _admin(lab: Lab) -> AdminClient:
    """Give the admin's client; told at once where nothing listens, instead of after a timeout."""
    from confluent_kafka.admin import AdminClient

    listening = Probe("kafka")(lab)
    if not listening.ok:
        raise ServiceError("Kafka does not answer.", why=listening.detail, fix="./lab status, then ./lab up streaming")
    return AdminClient(admin_settings(lab))


def _patience() -> dict[str, float]:
    return {"request_timeout": _TIMEOUT_SECONDS}


def _done(futures: dict[Any, Any], fine: tuple[str, ...] = ()) -> None:
    """Wait for every change; errors named in `fine` are none."""
    from confluent_kafka import KafkaException

    for future in futures.values():
        try:
            future.result(timeout=_TIMEOUT_SECONDS + 5)
        except (KafkaException, TimeoutError) as error:
            known = error.args[0].name() if isinstance(error, KafkaException) else ""
            if known not in fine:
                raise ServiceError("Kafka refused a change.", why=str(error), fix="./lab logs kafka") from error


def _answers(settings: dict[str, Any]) -> Health:
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    try:
        AdminClient(settings).list_topics(timeout=_PROBE_SECONDS)
    except KafkaException as error:
        return Health(ok=False, detail=str(error.args[0].str()))
    return Health(ok=True)


def _await_login(lab: Lab, access: KafkaAccess) -> None:
    """Wait until the broker honours a fresh password: it learns of it from the controller, a moment later."""
    settings, end = client_settings(lab, access.username, access.password), time.monotonic() + _TIMEOUT_SECONDS
    while not (found := _answers(settings)).ok:
        if time.monotonic() > end:
            raise ServiceError("Kafka does not honour a new password.", why=found.detail, fix="./lab logs kafka")
        time.sleep(_POLL_SECONDS)


def _conf(lab: Lab) -> Path:
    return lab.workspace.run / "kafka" / "server.properties"


def _data(lab: Lab) -> Path:
    return lab.workspace.data / "kafka"


def _granted(lab: Lab, name: str) -> Path:
    return _data(lab) / "accounts" / name
