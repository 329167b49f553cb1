"""Certificates that the JVM trusts: the same that the rest of the machine does, a TLS-inspecting proxy's included."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from pathlib import Path

_BUNDLE_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
_SYSTEM_BUNDLES = (Path("/etc/ssl/certs/ca-certificates.crt"), Path("/etc/pki/tls/certs/ca-bundle.crt"), Path("/etc/ssl/cert.pem"))
_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_PASSWORD = "changeit"  # noqa: S105 - Java's own convention for a store of public certificates; there is no secret in it


def truststore_options(folder: Path, environ: Mapping[str, str]) -> list[str]:
    """Write a trust store into `folder` and give the JVM options that use it; none when there is nothing to add.

    The JDK's own store knows nothing of a certificate that was added to the system or named in SSL_CERT_FILE.
    """
    if "javax.net.ssl.trustStore" in environ.get("JAVA_TOOL_OPTIONS", ""):
        return []
    certificates = _collect(environ)
    if not certificates:
        return []
    store = folder / "truststore.p12"
    _write(certificates, store)
    return [
        f"-Djavax.net.ssl.trustStore={store}",
        "-Djavax.net.ssl.trustStoreType=PKCS12",
        f"-Djavax.net.ssl.trustStorePassword={_PASSWORD}",
    ]


def certificates(environ: Mapping[str, str]) -> bytes:
    """Give them all as one PEM file."""
    return b"\n".join([*_collect(environ), b""])


def _collect(environ: Mapping[str, str]) -> list[bytes]:
    named = [Path(environ[name]) for name in _BUNDLE_VARIABLES if environ.get(name)]
    found: dict[bytes, None] = {}
    for bundle in [*named, *_SYSTEM_BUNDLES]:
        if bundle.is_file():
            found.update(dict.fromkeys(_PEM.findall(bundle.read_bytes())))
    return list(found)


def _write(certificates: list[bytes], store: Path) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import BestAvailableEncryption
    from cryptography.hazmat.primitives.serialization.pkcs12 import PKCS12Certificate, serialize_java_truststore

    entries = []
    for number, pem in enumerate(certificates):
        try:
            with warnings.catch_warnings(action="ignore"):  # old roots with negative serial numbers are the machine's business
                certificate = x509.load_pem_x509_certificate(pem)
        except ValueError:  # a root too odd for a strict parser is no root that jars are served under
            continue
        entries.append(PKCS12Certificate(certificate, f"ca-{number}".encode()))
    store.write_bytes(serialize_java_truststore(entries, BestAvailableEncryption(_PASSWORD.encode())))
