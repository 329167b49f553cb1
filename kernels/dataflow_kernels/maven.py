"""Where jars come from: the mirror of the user's own Maven settings, else Maven Central."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

_CENTRAL = "https://repo1.maven.org/maven2/"
_MIRROR_VARIABLE = "DATAFLOW_MAVEN_MIRROR"


@dataclass(frozen=True)
class Repository:
    """One Maven repository: what to call it, its address, and who to log in as."""

    name: str
    url: str
    user: str = ""
    password: str = field(default="", repr=False)

    @property
    def host(self) -> str:
        """The host of its address."""
        return urlsplit(self.url).hostname or ""


def find_repository(environ: Mapping[str, str]) -> Repository:
    """Give the repository to use: DATAFLOW_MAVEN_MIRROR, a mirror of central in a settings.xml, or Maven Central."""
    named = environ.get(_MIRROR_VARIABLE, "")
    if named:
        return Repository(f"${_MIRROR_VARIABLE}", _slashed(named))
    for path in _settings_files(environ):
        found = read_settings(path, environ)
        if found is not None:
            return found
    return Repository("Maven Central", _CENTRAL)


def read_settings(path: Path, environ: Mapping[str, str]) -> Repository | None:
    """Give the mirror (or replaced `central`) of one settings.xml; None when it names none or cannot be read."""
    try:
        tree = ET.parse(path).getroot()  # noqa: S314 - the user's own settings, read as Maven reads them
    except (OSError, ET.ParseError):
        return None
    for element in tree.iter():
        element.tag = element.tag.rpartition("}")[2]
    for mirror in [*_mirrors(tree), *_centrals(tree)]:
        url = _text(mirror, "url", environ)
        if url.startswith(("http://", "https://", "file:")):
            user, password = _login(tree, _text(mirror, "id", environ), environ)
            return Repository(f"the mirror in {path}", _slashed(url), user, password)
    return None


def proxy_options(environ: Mapping[str, str]) -> list[str]:
    """Give the JVM options for the proxy of HTTPS_PROXY / HTTP_PROXY / NO_PROXY."""
    options = []
    for scheme in ("https", "http"):
        address = environ.get(f"{scheme}_proxy") or environ.get(f"{scheme.upper()}_PROXY")
        if address:
            parts = urlsplit(address if "//" in address else f"//{address}")
            options += [f"-D{scheme}.proxyHost={parts.hostname}", f"-D{scheme}.proxyPort={parts.port or 8080}"]
    skipped = environ.get("no_proxy") or environ.get("NO_PROXY")
    if options and skipped:
        hosts = "|".join(f"*{host}" if host.startswith(".") else host for host in re.split(r"[,\s]+", skipped) if host)
        options.append(f"-Dhttp.nonProxyHosts={hosts}")
    return options


def _settings_files(environ: Mapping[str, str]) -> Iterator[Path]:
    yield Path(environ.get("HOME") or "/") / ".m2" / "settings.xml"
    for variable in ("MAVEN_HOME", "M2_HOME"):
        if environ.get(variable):
            yield Path(environ[variable]) / "conf" / "settings.xml"
    yield Path("/etc/maven/settings.xml")


def _mirrors(tree: ET.Element) -> list[ET.Element]:
    return [mirror for mirror in tree.iterfind("./mirrors/mirror") if _covers_central((mirror.findtext("mirrorOf") or "").strip())]


def _covers_central(pattern: str) -> bool:
    parts = [part.strip() for part in pattern.split(",")]
    return "!central" not in parts and any(part in {"*", "central", "external:*"} for part in parts)


def _centrals(tree: ET.Element) -> list[ET.Element]:
    return [
        each for each in tree.iterfind("./profiles/profile/repositories/repository") if (each.findtext("id") or "").strip() == "central"
    ]


def _login(tree: ET.Element, identity: str, environ: Mapping[str, str]) -> tuple[str, str]:
    for server in tree.iterfind("./servers/server"):
        if _text(server, "id", environ) == identity:
            return _text(server, "username", environ), _text(server, "password", environ)
    return "", ""


def _text(element: ET.Element, name: str, environ: Mapping[str, str]) -> str:
    """Give a child's text, with Maven's own `${env.NAME}` filled in."""
    return re.sub(r"\$\{env\.(\w+)\}", lambda found: environ.get(found[1], ""), (element.findtext(name) or "").strip())


def _slashed(url: str) -> str:
    return url.rstrip("/") + "/"
