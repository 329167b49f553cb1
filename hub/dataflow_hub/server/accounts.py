"""What a student's server needs of every service: made before each start, safely again and again; taken away with the account."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dataflow_hub import secrets
from dataflow_hub.errors import LabError, ServiceError
from dataflow_hub.roster import open_roster
from dataflow_hub.server.environment import lab_environment
from dataflow_hub.server.texts import Texts

if TYPE_CHECKING:
    from dataflow_hub.datagen.model import Size
    from dataflow_hub.settings import Lab
    from dataflow_kernels.environ import LabEnv

Report = Callable[[str], None]


@dataclass(frozen=True)
class Services:
    """The services' own functions that provisioning calls; what is None is not there, and the kernel is told so."""

    grant_store: Callable[[Lab, str], Any] | None
    grant_tracking: Callable[[Lab, str], Any] | None
    revoke: tuple[tuple[str, Callable[[Lab, str], None]], ...] = ()
    land: Callable[[Lab, str, Report], None] | None = None
    grant_topics: Callable[[Lab, str], Any] | None = None


def platform_services(lab: Lab) -> Services:
    """Give the lab's real services; where Kafka never ran, nobody waits for it."""
    from dataflow_hub.services import kafka, object_store, tracking

    return Services(
        grant_store=object_store.grant,
        grant_tracking=tracking.grant,
        revoke=(("object store", object_store.revoke), ("MLflow", tracking.revoke), ("Kafka", kafka.revoke)),
        land=land,
        grant_topics=kafka.grant if kafka.is_set_up(lab) else None,
    )


def provision(lab: Lab, user: str, report: Report = lambda _: None, *, services: Services | None = None) -> LabEnv:
    """Give `user` a credential on each service and the landing data of the released lessons; give the kernel's environment.

    A tracking server that does not answer is reported, and the kernel then keeps runs beside the lake: a lesson goes on. So it
    does without Kafka, until it says `topics`.

    Raises
    ------
    ServiceError
        Naming the service without which nothing can be done.
    """
    services = services or platform_services(lab)
    text = Texts(open_roster(lab).language(user))
    store = _required(services.grant_store, "spawn_store", text, lab, user, report)
    tracking = _optional(services.grant_tracking, "spawn_mlflow", text, lab, user, report)
    topics = _optional(services.grant_topics, "spawn_kafka", text, lab, user, report)
    if services.land is not None:
        _required(lambda lab_, user_: services.land and services.land(lab_, user_, report), "spawn_landing", text, lab, user, report)
    return lab_environment(lab, user, language=text.language, store=store, tracking=tracking, topics=topics)


def revoke(lab: Lab, user: str, *, services: Services | None = None) -> list[str]:
    """Take every credential of `user` away; give what could not be, a line each."""
    failed = []
    for name, take_away in (services or platform_services(lab)).revoke:
        try:
            take_away(lab, user)
        except (LabError, OSError) as error:
            failed.append(f"{name}: {error}")
    return failed


def land(lab: Lab, user: str, report: Report) -> None:
    """Put the batches of each released lesson of the user's courses into their landing zone, unless they are there."""
    courses = open_roster(lab).roles(user)
    for entry in released_lessons(lab):
        course, lesson = str(entry["course"]), str(entry["lesson"])
        if course not in courses or _has_files(lab, user, f"landing/{lesson}/"):
            continue
        report(Texts(open_roster(lab).language(user))("spawn_data", lesson=lesson))
        put_data(lab, user, course, lesson, generator=entry.get("generator", "orders"), size=entry.get("size", "S"))


def put_data(  # noqa: PLR0913 - whose, of what, and which
    lab: Lab, user: str, course: str, lesson: str, *, generator: str, size: Size
) -> None:
    """Put the user's own data of one lesson into the landing zone."""
    from dataflow_hub.datagen import catalogue, seeds
    from dataflow_hub.services import object_store

    seed = seeds.student_seed(secrets.secret(lab.workspace, f"course-{course}"), user, lesson)
    object_store.put_files(lab, user, f"landing/{lesson}/", catalogue.generate(generator, seed, size).batches)


def _has_files(lab: Lab, user: str, prefix: str) -> bool:
    from dataflow_hub.services import object_store

    found = object_store.admin_client(lab).list_objects(object_store.bucket_name(user), prefix=prefix)
    return next(iter(found), None) is not None


def released_lessons(lab: Lab) -> list[dict[str, Any]]:
    """Give the released lessons: course, lesson and size of data each."""
    path = lab.workspace.state / "released.json"
    return list(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else []


def _required(  # noqa: PLR0913, PLR0917 - one service of one student, and how to speak of it
    call: Callable[[Lab, str], Any] | None, key: str, text: Texts, lab: Lab, user: str, report: Report
) -> Any:
    if call is None:
        return None
    report(f"{text(key)}…")
    try:
        return call(lab, user)
    except Exception as error:
        raise ServiceError(text("spawn_not_ready", name=text(key)), why=_reason(error), fix=text("spawn_later")) from error


def _optional(  # noqa: PLR0913, PLR0917 - as above
    call: Callable[[Lab, str], Any] | None, key: str, text: Texts, lab: Lab, user: str, report: Report
) -> Any:
    try:
        return _required(call, key, text, lab, user, report)
    except ServiceError as error:
        report(f"{error.what} {error.why} {text('spawn_without')}")
        return None


def _reason(error: Exception) -> str:
    return error.what if isinstance(error, LabError) else f"{type(error).__name__}: {str(error)[:200]}"
