"""The first code of ours that runs on a target: modules from memory, the target's lock, the root node.

It is executed as a program with `parts` = (modules, settings) given by the first stage; nothing is written to the disk.
"""
import marshal
import sys
import zlib
from _frozen_importlib import ModuleSpec  # importlib.abc and .machinery would load for as long as Python itself
from typing import Any


class Importer:
    """Imports fleet's own modules from what the controller sent: name -> (is it a package, its compressed code or source)."""

    def __init__(self, modules, magic):
        # type: (dict, bytes) -> None
        self.modules = modules
        self.magic = magic  # of the code in it; empty when it is source

    def add(self, body):
        # type: (bytes) -> None
        code, source = marshal.loads(body)
        self.modules.update(code if self.magic else source)

    def find_spec(self, name, path=None, target=None):
        # type: (str, Any, Any) -> Any
        found = self.modules.get(name)
        if found is None:
            return None
        return ModuleSpec(name, self, is_package=found[0], origin="fleet:" + name)  # type: ignore[arg-type]

    def create_module(self, spec):
        # type: (Any) -> None
        return None

    def exec_module(self, module):
        # type: (Any) -> None
        data = zlib.decompress(self.modules[module.__name__][1])
        exec(marshal.loads(data) if self.magic else compile(data, "fleet:" + module.__name__, "exec", dont_inherit=True), module.__dict__)


def start(modules, settings, magic):
    # type: (dict, dict, bytes) -> None
    importer = Importer(modules, magic)
    sys.fleet_importer = importer  # type: ignore[attr-defined]
    sys.meta_path.insert(0, importer)
    from fleet.runner import main
    main.run(settings)


if "parts" in globals():
    start(*globals()["parts"])
