"""The sandbox's own certificate authority, because Key Vault's SDK refuses plain HTTP and so would production.

Clients trust `ca.pem` through SSL_CERT_FILE (aiohttp, httpx, skopeo) or REQUESTS_CA_BUNDLE (requests, the az CLI). The
authority's key is never written: whoever can read the folder can serve as localhost, but cannot issue for other names.
"""

import fcntl
import ipaddress
import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_LIFETIME = timedelta(days=30)
_SPARE = timedelta(days=1)
_NAMES: tuple[x509.GeneralName, ...] = (
    x509.DNSName("localhost"),
    x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
    x509.IPAddress(ipaddress.ip_address("::1")),
)


class Certificates(msgspec.Struct, frozen=True):
    """Where the authority's certificate and the server's chain with its key lie.

    Attributes:
        ca: what a client has to trust, PEM.
        server: the server's certificate and its private key in one PEM file, readable by the owner only.
    """

    ca: Path
    server: Path

    def server_context(self) -> ssl.SSLContext:
        """The TLS settings that every emulated service listens with."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.server)
        return context

    def client_context(self) -> ssl.SSLContext:
        """The TLS settings of a client that trusts the sandbox and nothing else."""
        return ssl.create_default_context(cafile=self.ca)


def ensure_certificates(folder: Path) -> Certificates:
    """The certificates in `folder`, made anew when they are missing, damaged, unrelated or end within a day."""
    folder.mkdir(parents=True, exist_ok=True)
    certificates = Certificates(ca=folder / "ca.pem", server=folder / "server.pem")
    with _locked(folder / ".lock"):
        if not _usable(certificates):
            _issue(certificates)
    return certificates


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _usable(certificates: Certificates) -> bool:
    try:
        ca = x509.load_pem_x509_certificate(certificates.ca.read_bytes())
        server = x509.load_pem_x509_certificate(certificates.server.read_bytes())
        server.verify_directly_issued_by(ca)
        certificates.server_context()
        names = server.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, TypeError, InvalidSignature, ssl.SSLError, x509.ExtensionNotFound):
        return False
    return set(names) >= set(_NAMES) and server.not_valid_after_utc > datetime.now(UTC) + _SPARE


def _issue(certificates: Certificates) -> None:
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Cachewarden sandbox CA")])
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    ca = (
        _builder(issuer, issuer, ca_key.public_key(), ca_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(ca_key, hashes.SHA256())
    )
    server = (
        _builder(subject, issuer, key.public_key(), ca_key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(_NAMES), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    _write(certificates.ca, ca.public_bytes(serialization.Encoding.PEM), mode=0o644)
    _write(certificates.server, server.public_bytes(serialization.Encoding.PEM) + secret, mode=0o600)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, issuer_key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    # Python 3.13 verifies strictly (RFC 5280): without the key identifiers every handshake fails.
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + _LIFETIME)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _write(path: Path, content: bytes, *, mode: int) -> None:
    temporary = path.with_suffix(".new")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
    temporary.replace(path)
