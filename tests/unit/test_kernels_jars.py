"""The locked jars: verified before anything is put in place."""

import hashlib
import subprocess
from pathlib import Path

import pytest

from dataflow_kernels import jars
from dataflow_kernels.errors import InstallFailed
from dataflow_kernels.install import LOCK
from dataflow_kernels.maven import Repository, find_repository, proxy_options


@pytest.fixture
def lock(tmp_path):
    """A lock of two jars whose contents are `one` and `two`."""
    path = tmp_path / "jars.lock"
    lines = [f"org.x:{name}:1.0  {hashlib.sha256(name.encode()).hexdigest()}  {name}-1.0.jar" for name in ("one", "two")]
    path.write_text("# comment\n\n" + "\n".join(lines) + "\n")
    return path


@pytest.fixture
def served(monkeypatch):
    """Give a function that sets what the repository serves; the real download is tested with a network."""

    def serve(**contents):
        def download(wanted, _scratch, staged, _java, _environ):
            for jar in wanted:
                if jar.artifact in contents:
                    (staged / jar.file).write_text(contents[jar.artifact])

        monkeypatch.setattr(jars, "_download", download)

    return serve


def install(lock, folder):
    lines = []
    jars.install_jars(lock, folder, lines.append, environ={"HOME": str(lock.parent), "PATH": "/usr/bin"}, java=object())
    return lines


def test_the_projects_own_lock_is_well_formed():
    """Every line parses, no file comes twice, and no registry address is in it."""
    locked = jars.read_lock(LOCK)
    assert len({jar.file for jar in locked}) == len(locked) > 40
    assert "://" not in LOCK.read_text()
    assert all(jar.file == f"{jar.artifact}-{jar.version}.jar" for jar in locked)


def test_a_malformed_line_is_named(tmp_path):
    """The error says which line."""
    path = tmp_path / "jars.lock"
    path.write_text("# ok\norg.x:one:1.0 nothex one-1.0.jar\n")
    with pytest.raises(InstallFailed, match="line 2"):
        jars.read_lock(path)


def test_good_jars_are_put_in_place(lock, tmp_path, served):
    """After an install the folder holds the jars, and a second install does nothing."""
    served(one="one", two="two")
    install(lock, tmp_path / "jars")
    assert (tmp_path / "jars" / "two-1.0.jar").read_text() == "two"
    served()
    assert install(lock, tmp_path / "jars") == ["2 jars are in place."]


def test_a_tampered_jar_is_refused(lock, tmp_path, served):
    """One wrong jar, and nothing at all is installed."""
    served(one="one", two="evil")
    with pytest.raises(InstallFailed, match=r"two-1\.0\.jar is not the file that was locked"):
        install(lock, tmp_path / "jars")
    assert not (tmp_path / "jars").exists()
    assert [each.name for each in tmp_path.iterdir()] == ["jars.lock"]


def test_a_broken_download_leaves_the_old_set(lock, tmp_path, served):
    """An install that fails leaves the folder as it was."""
    folder = tmp_path / "jars"
    folder.mkdir()
    (folder / "one-1.0.jar").write_text("one")
    served()
    with pytest.raises(InstallFailed, match=r"two-1\.0\.jar was not downloaded"):
        install(lock, folder)
    assert [each.name for each in folder.iterdir()] == ["one-1.0.jar"]


def test_a_tampered_jar_in_place_is_fetched_again(lock, tmp_path, served):
    """What is already there is believed by its sha256, not by its name."""
    folder = tmp_path / "jars"
    folder.mkdir()
    (folder / "one-1.0.jar").write_text("evil")
    served(one="one", two="two")
    install(lock, folder)
    assert (folder / "one-1.0.jar").read_text() == "one"


def test_an_unreachable_repository_is_explained(lock, tmp_path):
    """The real Ivy against a closed port: the reason and the fix are named, and nothing is left behind."""
    environ = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "DATAFLOW_MAVEN_MIRROR": "http://127.0.0.1:9/maven"}
    with pytest.raises(InstallFailed, match="could not be downloaded") as caught:
        jars.install_jars(lock, tmp_path / "jars", lambda _: None, environ=environ)
    assert caught.value.why
    assert "mirror" in caught.value.fix
    assert not (tmp_path / "jars").exists()


def test_a_repository_of_files_is_enough(lock, tmp_path):
    """The real Ivy resolves from whatever repository the user names: here a folder, with no network."""
    for name in ("one", "two"):
        place = tmp_path / "maven" / "org" / "x" / name / "1.0"
        place.mkdir(parents=True)
        (place / f"{name}-1.0.jar").write_text(name)
    environ = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "DATAFLOW_MAVEN_MIRROR": (tmp_path / "maven").as_uri()}
    jars.install_jars(lock, tmp_path / "jars", lambda _: None, environ=environ)
    assert jars.is_complete(lock, tmp_path / "jars")


SETTINGS = """<settings xmlns="http://maven.apache.org/SETTINGS/1.0.0">
<mirrors>
  <mirror><id>other</id><mirrorOf>jboss</mirrorOf><url>https://wrong.example/</url></mirror>
  <mirror><id>mine</id><mirrorOf>*,!snapshots</mirrorOf><url>https://mirror.example/maven</url></mirror>
</mirrors>
<servers><server><id>mine</id><username>ana</username><password>${env.MIRROR_PASSWORD}</password></server></servers>
</settings>"""


def test_the_users_maven_mirror_is_used(tmp_path):
    """A mirror of central in ~/.m2/settings.xml is used, with its login, variables filled in."""
    (tmp_path / ".m2").mkdir()
    (tmp_path / ".m2" / "settings.xml").write_text(SETTINGS)
    found = find_repository({"HOME": str(tmp_path), "MIRROR_PASSWORD": "p"})
    assert (found.url, found.user, found.password) == ("https://mirror.example/maven/", "ana", "p")
    assert "p" not in repr(found).split("password")[1:]


def test_without_settings_it_is_maven_central(tmp_path):
    """No settings, or settings that do not parse, give Maven Central."""
    (tmp_path / ".m2").mkdir()
    (tmp_path / ".m2" / "settings.xml").write_text("<settings>")
    assert find_repository({"HOME": str(tmp_path)}).name == "Maven Central"


def test_a_password_is_quoted_in_ivys_settings():
    """A password with XML's own characters stays one attribute."""
    text = jars.render_settings(Repository("m", "https://m.example/", "ana", 'a"<&'), Path("/cache"))
    assert "passwd='a\"&lt;&amp;'" in text


def test_the_proxy_variables_reach_the_jvm():
    """HTTPS_PROXY and NO_PROXY become the JVM's own properties."""
    options = proxy_options({"HTTPS_PROXY": "http://proxy.example:3128", "no_proxy": "localhost,.corp"})
    assert options == ["-Dhttps.proxyHost=proxy.example", "-Dhttps.proxyPort=3128", "-Dhttp.nonProxyHosts=localhost|*.corp"]


def test_a_named_certificate_is_trusted_by_the_jvm(tmp_path):
    """The certificates of SSL_CERT_FILE end up in the trust store that the download uses."""
    from dataflow_kernels.java import find_java
    from dataflow_kernels.trust import truststore_options

    bundle = Path("/etc/ssl/certs/ca-certificates.crt")
    if not bundle.is_file():
        pytest.skip("no /etc/ssl/certs/ca-certificates.crt here: apt install ca-certificates")
    options = truststore_options(tmp_path, {"SSL_CERT_FILE": str(bundle)})
    keytool = find_java().home / "bin" / "keytool"
    argv = [keytool, "-list", "-keystore", tmp_path / "truststore.p12", "-storepass", "changeit"]
    listed = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert f"-Djavax.net.ssl.trustStore={tmp_path / 'truststore.p12'}" in options
    assert listed.stdout.count("trustedCertEntry") > 10
