"""An image of one host brought to others: once each, by its digest, from host to host where they reach each other, else through the controller.

Many targets do not all wait for one source: who has the image by now is a source too.
"""

from __future__ import annotations

import datetime
import secrets
import tempfile
from collections.abc import Generator, Mapping
from typing import Any

from fleet.errors import NotYet
from fleet.image.source import must
from fleet.modules import _image_store as store_
from fleet.runner.module import Change

PIECE = 8 << 20
AT_ONCE = 4  # targets that one host sends to; more would each get less


def push(call: Any, name: str, source: str, store: str) -> Generator[Change, Any, dict[str, Any]]:
    """The changes that bring an image of the host `source` here, under the same name."""
    there = call.at(source)
    known = image_of(there, source, store, name)
    label = name if name in known["names"] or not known["id"].startswith(name) else str(next(iter(known["names"]), name))
    wanted = {"store": store, "id": known["id"], "name": label}
    here = must(call.module("_image_pull", wanted, check=True))
    if not here["there"]:
        here = (yield Change(f"image {label}", None, f"{known['id'][:12]} from {source}", lambda: fetch(call, there, source, wanted))) or here
    elif here["changed"]:
        here = (yield Change(f"image {label}", "another", known["id"][:12], lambda: must(call.module("_image_pull", wanted, check=False)))) or here
    expect(call, store, label, known["id"])
    return {**store_.brief(here.get("manifest") or {}), "id": known["id"], "path": here["path"], "name": label,
            "through": here.get("through", ""), "source": here.get("source", "")}


def expect(call: Any, store: str, name: str | None, id_: str | None) -> None:
    """Under check, remember what a task before would build, so that the plan of those that take it from there is true."""
    if call.check and id_:
        call.shared[("image to come", call.host, store, name)] = id_


def image_of(call: Any, host: str, store: str, name: str) -> dict[str, Any]:
    """The image that the call's host has by this name or id: its manifest in brief, and its names. What it only will have, under check, is its id and
    `to_come`."""
    coming = call.shared.get(("image to come", host, store, name))
    if coming:
        return {"id": coming, "names": [name], "path": f"{store.rstrip('/')}/sha256/{coming}", "to_come": True}
    answer = call.module("_image_list", {"store": store, "name": name, "brief": True}, check=False)
    if answer.get("failed") and call.check:
        raise NotYet(f"{host}: {answer.get('msg')}", hint="it is to be built there first")
    return dict(must(answer)["images"][0])


def fetch(call: Any, there: Any, source: str, wanted: dict[str, Any]) -> dict[str, Any]:
    """From whichever host that has it is free, which is one from then on."""
    holders: dict[str, int] = call.shared.setdefault(("image holders", wanted["store"], wanted["id"]), {})
    holders.setdefault(source, 0)
    while holders[freest(holders)] >= AT_ONCE:
        call.sleep(0.1)
    holder = freest(holders)
    holders[holder] += 1
    try:
        taken = bring(call, there if holder == source else call.at(holder), holder, wanted, relayed=holder == source)
    finally:
        holders[holder] -= 1
    if taken is None:  # they do not reach each other, or that one is gone
        holder, taken = source, bring(call, there, source, wanted)
    holders.setdefault(call.host, 0)
    return {**(taken or {}), "source": holder}


def freest(holders: Mapping[str, int]) -> str:
    """The host that sends to the fewest; of equals the one that has had the image for longest, whose export is made."""
    return min(holders, key=lambda name: holders[name])


def bring(call: Any, there: Any, source: str, wanted: dict[str, Any], relayed: bool = True) -> dict[str, Any] | None:
    """relayed: through the controller, where it does not come directly; else None."""
    exported = there.module("_image_export", {"store": wanted["store"], "name": wanted["id"]}, check=False)
    if exported.get("failed") and not relayed:
        return None
    must(exported)
    offer = offered(call, there, source, exported)
    if offer["urls"]:
        taken = must(call.module("_image_pull", {**wanted, "sha256": exported["sha256"], **offer}, check=False))
        if taken["there"]:
            return {**taken, "through": "host"}
    if not relayed:
        return None
    relay(call, there, wanted, exported)
    taken = must(call.module("_image_pull", {**wanted, "sha256": exported["sha256"]}, check=False))
    return {**taken, "through": "controller"}


def offered(call: Any, there: Any, source: str, exported: dict[str, Any]) -> dict[str, Any]:
    """How the source offers the file to its peers; started once a run."""
    key = ("image offer", source, exported["sha256"])
    if key not in call.shared:
        certificate, pem = identity()
        token = secrets.token_urlsafe(32)
        answer = there.module("_image_serve", {"path": exported["path"], "token": token, "pem": pem}, check=False)
        addresses = [] if answer.get("failed") else [str(there.endpoint.address), *answer["addresses"]] if there.endpoint.address else answer["addresses"]
        call.shared[key] = {"certificate": certificate,
                            "urls": [f"https://{address}:{answer['port']}/{token}" for address in dict.fromkeys(addresses)]}
    return call.shared[key]  # type: ignore[no-any-return]


def identity() -> tuple[str, str]:
    """A certificate for one transfer, and it with its key, as PEM."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "fleet image")])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True).sign(key, hashes.SHA256()))
    certificate = made.public_bytes(serialization.Encoding.PEM).decode()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()
    return certificate, certificate + private


def relay(call: Any, there: Any, wanted: dict[str, Any], exported: dict[str, Any]) -> None:
    """Piece by piece through the controller; what the target has already is not sent again."""
    asked = {"store": wanted["store"], "sha256": exported["sha256"], "size": exported["size"]}
    answer = must(call.module("_image_put", asked, check=False))
    while not answer["complete"]:
        with tempfile.TemporaryFile() as piece:
            must(there.module("_image_export", {"store": wanted["store"], "name": wanted["id"], "offset": answer["have"], "length": PIECE},
                              sink=piece, check=False))
            piece.seek(0)
            answer = must(call.module("_image_put", {**asked, "offset": answer["have"]}, blob=piece.read(), check=False))
