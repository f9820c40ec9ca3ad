"""Tasks run on one host by the real engine."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tests.engine.harness import Seen, Site


def tasks(site: Site, *written: Mapping[str, Any] | str, variables: Mapping[str, Any] | None = None, hosts: str = "a", **options: Any) -> Seen:
    """Run tasks in order, going on after failures. A task is a mapping, or YAML text of one (for tags such as !unsafe)."""
    lines = ["- hosts: " + hosts, "  gather_facts: false", "  ignore_errors: true", "  vars: " + json.dumps(variables or {}), "  tasks:"]
    for task in written:
        lines += ["    - " + json.dumps(task)] if isinstance(task, Mapping) else ["    - " + task.strip().replace("\n", "\n      ")]
    return site.run("\n".join(lines) + "\n", **options)


def results(site: Site, *written: Mapping[str, Any] | str, **kw: Any) -> list[dict[str, Any]]:
    """The result of each task on host a, with its status as `status`."""
    seen = tasks(site, *written, **kw)
    assert not seen.error, seen.error
    return [{**event.result, "status": "failed" if event.status == "ignored" else event.status} for event in seen.results("a")]
