"""An image's bill of materials, from its manifest: CycloneDX JSON, the same bytes for the same image."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from fleet.errors import UsageError


def cyclonedx(manifest: Mapping[str, Any]) -> str:
    """The packages, with package URLs. Raises UsageError where the library is not installed (the extra `sbom`)."""
    try:
        from cyclonedx.model import HashAlgorithm, HashType, Property
        from cyclonedx.model.bom import Bom
        from cyclonedx.model.component import Component, ComponentType
        from cyclonedx.output import make_outputter
        from cyclonedx.schema import OutputFormat, SchemaVersion
        from packageurl import PackageURL
    except ImportError:
        raise UsageError("cyclonedx-python-lib is not installed; it writes bills of materials", hint="pip install 'fleet[sbom]'") from None
    bom = Bom(serial_number=uuid.uuid5(uuid.NAMESPACE_URL, "fleet-image:" + manifest["id"]))
    bom.metadata.timestamp = datetime.fromtimestamp(int(manifest.get("epoch") or 0), timezone.utc)
    bom.metadata.component = Component(name=manifest["name"], version=manifest["id"][:12], type=ComponentType.CONTAINER, bom_ref="image", hashes=[
        HashType(alg=HashAlgorithm.SHA_256, content=manifest["tree_digest"])],
        properties=[Property(name="fleet:role", value=role) for role in manifest.get("roles") or ()])
    suite = str(manifest.get("base") or "").partition(" ")
    for line in manifest.get("packages") or ():
        name, _, version = line.partition(" ")
        distribution = {"distro": f"debian-{suite[2]}"} if suite[0] == "debian" else None
        url = PackageURL("deb", "debian", name, version, distribution)
        bom.components.add(Component(name=name, version=version, type=ComponentType.LIBRARY, purl=url, bom_ref=str(url)))
    bom.register_dependency(bom.metadata.component, list(bom.components))
    text = make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string()
    return json.dumps(json.loads(text), indent=1, sort_keys=True)
