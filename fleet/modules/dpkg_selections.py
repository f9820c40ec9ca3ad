"""What dpkg is to do with a package: hold it, for one."""
from typing import Any, Dict, Generator

from fleet.modules import _dpkg
from fleet.runner.module import Change, Module
from fleet.runner.spec import Opt, Ret, Spec

SPEC = Spec(
    "dpkg_selections", "Set what dpkg is to do with a package",
    {
        "name": Opt("str", "The package; `name:architecture` for another architecture's.", required=True),
        "selection": Opt("str", "hold keeps it at its version; deinstall and purge are carried out by the next `apt-get dselect-upgrade`.", required=True,
                         choices=["install", "hold", "deinstall", "purge"]),
    },
    returns={"before": Ret("str", "The selection there was."), "after": Ret("str", "The selection there is.")},
    notes=["A package that dpkg does not know has no selection; under check an earlier task may be the one that installs it."],
    examples="- dpkg_selections: {name: linux-image-amd64, selection: hold}\n")


def run(m):
    # type: (Module) -> Generator[Change, Any, Dict[str, Any]]
    name, wanted = m.args.name, m.args.selection
    if not name or name.startswith("-") or name.split() != [name]:
        m.fail("%r cannot be the name of a package" % name)
    known = [package.want for package in _dpkg.database().known(name) if package.state != "not-installed" or package.want != "unknown"]
    if not known:
        if not m.check:
            m.fail("dpkg does not know the package %s: only one that is installed, or was, has a selection" % name)
        m.warn("dpkg does not know %s yet" % name)
    before = known[0] if known else "not present"
    if before != wanted:
        yield Change("selection of " + name, before, wanted, lambda: m.run(["dpkg", "--set-selections"], input="%s %s\n" % (name, wanted), ok=[0]))
    return {"before": before, "after": wanted}
