"""Starts a module of people's own: the program of its process. What it is made of comes over standard input; nothing is written to the disk."""
import importlib.abc
import importlib.machinery
import json
import sys
from typing import Any, Dict, Optional


class Sent(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Modules that were sent along: name -> (is it a package, its source, its file)."""

    def __init__(self, modules):
        # type: (Dict[str, Any]) -> None
        self.modules = modules

    def find_spec(self, fullname, path=None, target=None):
        # type: (str, Any, Any) -> Optional[importlib.machinery.ModuleSpec]
        known = self.modules.get(fullname)
        return importlib.machinery.ModuleSpec(fullname, self, origin=known[2], is_package=known[0]) if known else None

    def create_module(self, spec):
        # type: (Any) -> None
        return None

    def exec_module(self, module):
        # type: (Any) -> None
        known = self.modules[module.__name__]
        exec(compile(known[1], known[2], "exec"), module.__dict__)


def main():
    # type: () -> None
    sent = json.loads(sys.stdin.buffer.read().decode("utf-8"))
    sys.meta_path.insert(0, Sent(sent["modules"]))
    basic = "ansible.module_utils.basic"
    if basic in sent["modules"]:
        __import__(basic)
        sys.modules[basic].GIVEN.update(sent["given"])
    sys.argv = [sent["file"]]
    exec(compile(sent["source"], sent["file"], "exec"), {"__name__": "__main__", "__file__": sent["file"], "__builtins__": __builtins__})


if __name__ == "__main__":
    main()
