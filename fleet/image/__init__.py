"""Images: what they are built of, and what they are called by; built on a host, offline, by the same engine that configures machines.

    recipe      a recipe file (or the task's options) -> base, steps, outputs, each with its digest
    build       a recipe -> an image in a host's store; nothing when its inputs have not changed
    verify      an image -> whether it is as it was sealed, and whether its steps would change anything
    fanout      an image of one host -> the same on others
    sbom        a manifest -> CycloneDX
"""
