"""Object store and MLflow as they really run: who reads what, and what refuses strangers."""

import io
import os
import ssl
import subprocess
import time
import urllib.error
import urllib.request

import pytest
from minio.error import S3Error
from tests.integration.services_lab import make_lab, s3, started, status_of
from urllib3.exceptions import HTTPError

from dataflow_hub.errors import ServiceError
from dataflow_hub.operations import lab as operations
from dataflow_hub.services import object_store, tracking
from dataflow_hub.settings import Lab

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    with started(tmp_path_factory.mktemp("storage") / "state", "object-store-console", "mlflow") as lab:
        yield lab


def refused(action):
    with pytest.raises(S3Error) as caught:
        action()
    return caught.value.code


def put(client, bucket, name="k", content=b"v"):
    return client.put_object(bucket, name, io.BytesIO(content), len(content))


def test_status_says_healthy_only_of_what_answers(lab):
    """Started services are healthy with pid, ports and a time; the others are stopped."""
    rows = {row.name: row for row in operations.status(lab)}
    for name in ("object-store", "object-store-console", "mlflow"):
        assert rows[name].healthy, rows[name]
        assert rows[name].pid
        assert rows[name].since
    assert rows["hub"].state == "stopped"
    assert not rows["hub"].healthy


def test_a_student_reaches_their_own_bucket_and_no_other(lab):
    """Reading, listing, writing and deleting in another's bucket are refused, even when one name begins like the other."""
    ana, anabel = s3(object_store.grant(lab, "ana")), s3(object_store.grant(lab, "anabel"))
    object_store.put_files(lab, "ana", "landing/01-bronze", {"a.csv": b"1"})
    put(ana, "student-ana")
    assert {entry.object_name for entry in ana.list_objects("student-ana", recursive=True)} == {"k", "landing/01-bronze/a.csv"}
    for intruder, bucket in ((anabel, "student-ana"), (ana, "student-anabel"), (ana, "mlflow")):
        assert refused(lambda i=intruder, b=bucket: put(i, b)) == "AccessDenied"
        assert refused(lambda i=intruder, b=bucket: i.get_object(b, "k")) == "AccessDenied"
        assert refused(lambda i=intruder, b=bucket: list(i.list_objects(b))) == "AccessDenied"
        assert refused(lambda i=intruder, b=bucket: i.remove_object(b, "k")) == "AccessDenied"


def test_a_release_learns_who_has_a_bucket_and_that_a_dead_store_is_no_answer(lab, tmp_path):
    """A store that does not answer is not a class without buckets."""
    object_store.grant(lab, "gil")
    assert object_store.with_bucket(lab, ["nobody", "gil"]) == ["gil"]
    down = make_lab(tmp_path / "down")
    with pytest.raises(ServiceError, match="does not answer"):
        object_store.with_bucket(down, ["gil"])


def test_shared_buckets_are_read_only_for_students(lab):
    """bronze, silver and gold can be read and listed, not written."""
    put(object_store.admin_client(lab), "gold", "prices.csv", b"p")
    eva = s3(object_store.grant(lab, "eva"))
    assert eva.get_object("gold", "prices.csv").data == b"p"
    assert [entry.object_name for entry in eva.list_objects("gold")] == ["prices.csv"]
    assert refused(lambda: put(eva, "gold")) == "AccessDenied"
    assert refused(lambda: eva.remove_object("gold", "prices.csv")) == "AccessDenied"


def test_a_student_opens_the_own_bucket_to_nobody(lab):
    """No policy makes a bucket public, and no anonymous request is answered."""
    access = object_store.grant(lab, "open")
    assert refused(lambda: s3(access).set_bucket_policy("student-open", '{"Version":"2012-10-17","Statement":[]}')) == "AccessDenied"
    assert status_of(f"{access.endpoint}/student-open/k") == 403


def test_a_bucket_that_is_full_refuses_until_something_of_it_is_deleted(lab):
    """Only its owner fails: others write on, and what is there can be read and deleted. The store looks each minute; here it is told to."""
    sandbox = lab.settings.sandbox.model_copy(update={"home_mib": 4})
    small = Lab(lab.settings.model_copy(update={"sandbox": sandbox}), lab.workspace)
    full, other = s3(object_store.grant(small, "gui")), s3(object_store.grant(small, "hugo"))
    for number in range(3):
        put(full, "student-gui", f"f{number}", os.urandom(2 << 20))  # what can be compressed takes less
    wait_for(lambda: look_at_quotas(lab) and writes(full, "student-gui") is False)
    assert writes(other, "student-hugo")
    assert len(full.get_object("student-gui", "f0").data) == 2 << 20
    for number in range(3):
        full.remove_object("student-gui", f"f{number}")
    wait_for(lambda: look_at_quotas(lab) and writes(full, "student-gui"))


def look_at_quotas(lab):
    object_store._shell(lab, "s3.bucket.quota.enforce -apply")
    return True


def writes(client, bucket):
    try:
        put(client, bucket, "small")
    except (S3Error, HTTPError):
        return False
    return True


def wait_for(condition, seconds=60):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not come true"
        time.sleep(1)


def test_a_new_key_ends_the_old_one_and_revoke_ends_all(lab):
    """Grant is idempotent with a fresh secret each time; revoke takes effect at once; objects stay."""
    first = object_store.grant(lab, "bia")
    put(s3(first), "student-bia")
    second = object_store.grant(lab, "bia")
    assert refused(lambda: list(s3(first).list_objects("student-bia"))) == "SignatureDoesNotMatch"
    assert s3(second).get_object("student-bia", "k").data == b"v"
    object_store.revoke(lab, "bia")
    assert refused(lambda: list(s3(second).list_objects("student-bia"))) in {"InvalidAccessKeyId", "AccessDenied"}
    assert object_store.admin_client(lab).get_object("student-bia", "k").data == b"v"


def test_removing_somebody_who_never_came_fails(lab):
    """A student who never started a server has no key and no MLflow account: there is nothing to take away, and no error."""
    object_store.revoke(lab, "never-came")
    tracking.revoke(lab, "never-came")


def test_the_stores_inner_ports_refuse_strangers(lab):
    """Filer and volume want a token, the master's page a certificate: else anybody could delete a bucket with one GET."""
    first = lab.settings.ports.store_internal
    assert status_of(f"http://127.0.0.1:{first + 4}/buckets/") == 401
    assert status_of(f"http://127.0.0.1:{first + 2}/1,01") == 401
    for path in ("/dir/assign", "/col/delete?collection=gold"):
        assert status_of(f"http://127.0.0.1:{first}{path}") == 400
        with pytest.raises((urllib.error.URLError, OSError)):
            urllib.request.urlopen(f"https://127.0.0.1:{first}{path}", timeout=5, context=ssl._create_unverified_context())


def test_administration_without_the_labs_certificate_gets_nowhere(lab, tmp_path):
    """The store's own shell, which every student has in the environment, cannot talk to it."""
    first = lab.settings.ports.store_internal
    argv = [str(object_store.binary()), "shell", f"-master=127.0.0.1:{first}.{first + 1}", f"-filer=127.0.0.1:{first + 4}.{first + 5}"]
    with pytest.raises(subprocess.TimeoutExpired) as caught:
        subprocess.run(argv, input=b"s3.configure\nexit\n", capture_output=True, timeout=6, cwd=tmp_path, check=False)
    assert b"root" not in (caught.value.stdout or b"")


def test_the_console_asks_for_its_password(lab):
    """Nothing of the console is served without a login."""
    base = f"http://127.0.0.1:{lab.settings.ports.s3_console}"
    assert status_of(f"{base}/api/s3/buckets") == 401
    assert b"password" in urllib.request.urlopen(f"{base}/", timeout=5).read()


def test_students_see_their_own_experiments_runs_models_and_artifacts_only(lab, monkeypatch):
    """Whoever creates it manages it; every other student is denied, artifacts too."""
    ana, bob = tracking.grant(lab, "ana"), tracking.grant(lab, "bob")
    client = mlflow_client(ana, monkeypatch)
    experiment = client.create_experiment("ana/canary")
    run = client.create_run(experiment).info.run_id
    client.log_metric(run, "m", 1.0)
    client.log_text(run, "canary", "note.txt")
    client.create_registered_model("ana-model")
    assert [found.name for found in client.search_experiments()] == ["ana/canary"]
    assert [found.path for found in client.list_artifacts(run)] == ["note.txt"]

    client = mlflow_client(bob, monkeypatch)
    assert client.search_experiments() == []
    assert client.search_registered_models() == []
    assert client.search_runs([experiment]) == []
    for attempt in (
        lambda: client.get_run(run),
        lambda: client.list_artifacts(run),
        lambda: client.log_metric(run, "m", 2.0),
        lambda: client.delete_run(run),
        lambda: client.get_registered_model("ana-model"),
        lambda: client.create_run("0"),
    ):
        with pytest.raises(Exception, match="403"):
            attempt()
    assert status_of(f"{bob.uri}/api/2.0/mlflow-artifacts/artifacts/{experiment}/{run}/artifacts/note.txt", login=bob) == 403
    assert status_of(f"{bob.uri}/api/2.0/mlflow-artifacts/artifacts?path={experiment}", login=bob) == 403


def test_mlflow_answers_nobody_without_a_login_and_revoke_closes_it(lab):
    """No password, a wrong one, the previous one and a revoked one are all refused."""
    search = f"{tracking.uri(lab)}/api/2.0/mlflow/experiments/search?max_results=1"
    assert status_of(search) == 401
    first = tracking.grant(lab, "caio")
    assert status_of(search, login=first) == 200
    second = tracking.grant(lab, "caio")
    assert status_of(search, login=first) == 401
    assert status_of(search, login=second) == 200
    tracking.revoke(lab, "caio")
    assert status_of(search, login=second) == 401


def mlflow_client(access, monkeypatch):
    from mlflow import MlflowClient

    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", access.username)
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", access.password)
    return MlflowClient(access.uri, access.uri)
