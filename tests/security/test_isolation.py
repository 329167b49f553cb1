"""Two students side by side, in sandboxes and in containers: what one may see of the other, tried from inside the first one's kernel."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.security

CANARY = "canary-of-otto-4711"


@pytest.fixture(scope="module", params=["class_of_two", "class_in_containers"])
def two(request):
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def otto_has_secrets(two):
    """Otto keeps a canary in his home, his bucket, and an MLflow run."""
    code = f"""
import io, os, pathlib
pathlib.Path("secret.txt").write_text("{CANARY}")
s3.put_object("student-otto", "secret.txt", io.BytesIO(b"{CANARY}"), {len(CANARY)})
import mlflow
mlflow.set_experiment("otto/secret")
with mlflow.start_run() as run:
    mlflow.log_param("canary", "{CANARY}")
print(run.info.run_id)
"""
    run_id = two.otto.run(code, 180).strip().splitlines()[-1]
    assert len(run_id) == 32, run_id
    return run_id


def attempt(kernel, code: str) -> str:
    """Run code that should be refused; give what it printed or the error's name."""
    indented = "\n".join(f"    {line}" for line in code.strip().splitlines())
    refusal = "except BaseException as error:\n    print('refused:', type(error).__name__, str(error)[:300])"
    return kernel.run(f"try:\n{indented}\n{refusal}", 180)


def test_own_things_work(two, otto_has_secrets):
    """The refusals below mean something: the same calls work on what is one's own."""
    found = two.otto.run(
        f"""
print(s3.get_object("student-otto", "secret.txt").read().decode(), mlflow.get_run("{otto_has_secrets}").data.params["canary"])
""",
        120,
    )
    assert found.strip().endswith(f"{CANARY} {CANARY}")


@pytest.mark.parametrize(
    "code",
    [
        'print(s3.get_object("student-otto", "secret.txt").read())',
        'print([o.object_name for o in s3.list_objects("student-otto")])',
        'import io; s3.put_object("student-otto", "planted.txt", io.BytesIO(b"x"), 1); print("written")',
        's3.remove_object("student-otto", "secret.txt"); print("removed")',
        'import io; s3.put_object("bronze", "planted.txt", io.BytesIO(b"x"), 1); print("written")',
    ],
    ids=["read", "list", "write", "delete", "write-shared"],
)
def test_another_bucket_is_closed(two, otto_has_secrets, code):
    """Nina's key neither reads, lists, writes nor deletes in Otto's bucket, nor writes in a shared one."""
    found = attempt(two.nina, code)
    assert "refused" in found, found
    assert CANARY not in found


def test_another_run_is_closed(two, otto_has_secrets):
    """Nina neither reads Otto's MLflow run by its id, nor finds it by searching, nor deletes it."""
    found = attempt(two.nina, f'import mlflow; print(mlflow.get_run("{otto_has_secrets}").data.params)')
    assert "refused" in found, found
    search = attempt(two.nina, "import mlflow; print([e.name for e in mlflow.search_experiments()])")
    assert "otto" not in search
    assert "refused" in attempt(two.nina, f'mlflow.delete_run("{otto_has_secrets}"); print("deleted")')


def test_home_processes_and_sockets_of_another_are_unseen(two, otto_has_secrets):
    """From Nina's kernel there is no home, process or kernel socket of Otto's, and nothing of the lab's own state."""
    lab = two.lab
    (lab.workspace.homes / "otto" / "secret.txt").stat()
    root = lab.workspace.root  # where a user's home holds the checkout, that home is the way to the mounted code
    installed = set(root.relative_to("/home").parts[:1]) if root.is_relative_to("/home") else set()
    found = two.nina.run(
        f"""
import os, pathlib, subprocess
state = pathlib.Path("{lab.workspace.state}")
print(set(os.listdir("/home")) - {installed!r}, (state / "secrets").exists(), (state / "homes" / "otto").exists())
print(any(b"otto" in p.read_bytes() for p in pathlib.Path("/proc").glob("[0-9]*/cmdline") if os.access(p, os.R_OK)))
print([s for s in pathlib.Path("/proc/net/unix").read_text().split() if "otto" in s])
print("{CANARY}"[:6] in subprocess.run(["grep", "-rs", "canary-of", "/home", "/tmp", "/var/tmp"], capture_output=True, text=True).stdout)
"""
    )
    assert found.splitlines() == ["{'nina'} False False", "False", "[]", "False"]


def test_no_long_lived_secret_is_in_the_environment(two):
    """Everything printed of a student's environment is short-lived and its own: none of the lab's secrets."""
    printed = two.nina.run("import os; print(dict(os.environ))")
    for path in two.lab.workspace.secrets.iterdir():
        assert path.read_text().strip() not in printed, path.name


def test_the_servers_of_others_are_refused(two):
    """With the token of her server, Nina opens neither Otto's server nor his submissions."""
    code = """
import os, urllib.request, urllib.error
for path in ("/user/otto/api/contents", "/hub/api/users/otto", "/hub/api/users"):
    request = urllib.request.Request("%s" + path, headers={"Authorization": "token " + os.environ["JUPYTERHUB_API_TOKEN"]})
    try:
        print(urllib.request.urlopen(request).status)
    except urllib.error.HTTPError as error:
        print(error.code)
    except urllib.error.URLError:
        print("unreachable")
"""
    found = two.nina.run(code % two.lab.public_url)
    assert set(found.split()) <= {"403", "404", "unreachable"}
