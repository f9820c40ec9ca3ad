"""Certificates with which one host's QEMU knows another's: an authority of the controller's own, and what it has signed for each host.

They are where QEMU looks for them, in /etc/pki/qemu. What somebody else has put there is used as it is.
"""

from __future__ import annotations

import datetime
import os
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

FOLDER = "/etc/pki/qemu"
YEARS = 10
_DAY = datetime.timedelta(days=1)


def authority() -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    """The controller's, made once and kept in its state folder, readable by its owner only."""
    folder = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "fleet" / "qemu-authority"
    key_file, file = folder / "key.pem", folder / "cert.pem"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        key = ec.generate_private_key(ec.SECP256R1())
        found = _signed(_name("fleet"), key.public_key(), key, _name("fleet"), authority=True)
        for path, data in ((key_file, _private(key)), (file, found.public_bytes(serialization.Encoding.PEM))):
            temporary = path.with_name(f"{path.name}.{os.getpid()}")
            with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
                out.write(data)
            temporary.rename(path)
    kept = serialization.load_pem_private_key(key_file.read_bytes(), None)
    assert isinstance(kept, ec.EllipticCurvePrivateKey)
    return kept, x509.load_pem_x509_certificate(file.read_bytes())


def issue(host: str) -> dict[str, bytes]:
    """A host's files, by their names in FOLDER: a key and a certificate for both ends of a connection."""
    signer, top = authority()
    key = ec.generate_private_key(ec.SECP256R1())
    found = _signed(_name(host), key.public_key(), signer, top.subject, host=host).public_bytes(serialization.Encoding.PEM)
    private = _private(key)
    return {"server-key.pem": private, "client-key.pem": private, "server-cert.pem": found, "client-cert.pem": found,
            "ca-cert.pem": top.public_bytes(serialization.Encoding.PEM)}


def ours(text: bytes) -> bool:
    """Whether a host's ca-cert.pem is that of this controller."""
    return text.strip() == authority()[1].public_bytes(serialization.Encoding.PEM).strip()


def lasts(text: bytes) -> bool:
    """Whether a certificate is good for another month."""
    try:
        return x509.load_pem_x509_certificate(text).not_valid_after_utc > datetime.datetime.now(datetime.timezone.utc) + 30 * _DAY
    except ValueError:
        return False


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:64])])


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def _signed(subject: x509.Name, public: ec.EllipticCurvePublicKey, signer: ec.EllipticCurvePrivateKey, issuer: x509.Name, *, host: str = "",
            authority: bool = False) -> x509.Certificate:
    now = datetime.datetime.now(datetime.timezone.utc)
    made = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(public).serial_number(x509.random_serial_number())
    made = made.not_valid_before(now - _DAY).not_valid_after(now + YEARS * 365 * _DAY)
    made = made.add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    made = made.add_extension(x509.KeyUsage(digital_signature=True, key_cert_sign=authority, crl_sign=authority, key_encipherment=False,
                                            content_commitment=False, data_encipherment=False, key_agreement=not authority, encipher_only=False,
                                            decipher_only=False), critical=True)
    if not authority:
        made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        made = made.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
    return made.sign(signer, hashes.SHA256())
