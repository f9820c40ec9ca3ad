"""A module of people's own, in a process of its own: Python over AnsibleModule, or any program that prints JSON."""
import json
import os
import sys
from typing import Any, Dict

from fleet.runner.module import Completed, Module
from fleet.runner.spec import Opt, Ret, Spec

SPEC = Spec(
    "own_module", "Run a module of your own, written as for Ansible",
    {
        "file": Opt("str", "The module's file on the controller: a path, or a name in library/ of the role or beside the playbook.", required=True),
        "options": Opt("dict", "Its options.", default={}),
    },
    returns={"changed": Ret("bool", "What the module says."), "msg": Ret("str", "And what else it returns.", "by the module")},
    check="partial",
    examples="""\
- own_module: {file: library/quota.py, options: {user: web, soft: 10G}}

# The same; the file is found by its name
- quota: {user: web, soft: 10G}
""",
    notes=["A task may call it by its name as any module: `library/NAME.py` of the role, beside the playbook or in the setting `library` comes before "
           "fleet's own NAME; NAMESPACE.COLLECTION.NAME is found in `collections/` beside the playbook.",
           "A module in Python imports `ansible.module_utils.basic` and gets fleet's AnsibleModule, and what stands in `module_utils/` beside `library/`. "
           "It needs Python on the target. Any other program is given a file with its options: JSON if it holds the word WANT_JSON, else name=value.",
           "Under check a module that does not declare `supports_check_mode`, or is no Python, is skipped; what one that does predicts is its own word."],
)


def run(m):
    # type: (Module) -> Dict[str, Any]
    sent = json.loads(m.blob.read().decode("utf-8")) if m.blob is not None else {}
    sent.setdefault("given", {}).update(args=m.args.options, check=m.check, diff=m.diff)
    if sent.get("python"):
        if not sys.executable or not os.path.exists(sys.executable):
            m.fail("modules of one's own need Python on the target, and there is none here")
        return said(m, m.run([sys.executable, "-c", sent["loader"]], input=json.dumps(sent)))
    if m.check:
        return {"skipped": True, "unpredicted": True, "msg": "a program cannot tell what it would do, so it is not run in check mode"}
    return program(m, sent)


def program(m, sent):
    # type: (Module, Dict[str, Any]) -> Dict[str, Any]
    import shlex
    import shutil
    import tempfile
    folder = tempfile.mkdtemp(prefix="fleet-own-")
    try:
        path, args = os.path.join(folder, "module"), os.path.join(folder, "args")
        with open(path, "wb") as stream:
            stream.write(sent["source"].encode("utf-8", "surrogateescape"))
        os.chmod(path, 0o700)
        with open(args, "w") as out:
            if "WANT_JSON" in sent["source"]:
                json.dump(m.args.options, out)
            else:
                out.write(" ".join("%s=%s" % (key, shlex.quote(str(value))) for key, value in m.args.options.items()))
        return said(m, m.run([path, args]))
    finally:
        shutil.rmtree(folder)


def said(m, done):
    # type: (Module, Completed) -> Dict[str, Any]
    """The result among what the module printed: the last line that begins a JSON object."""
    lines = done.stdout.splitlines()
    for start in range(len(lines) - 1, -1, -1):
        if lines[start].startswith("{"):
            try:
                result = json.loads("\n".join(lines[start:]))
            except ValueError:
                continue
            if isinstance(result, dict):
                result.setdefault("changed", False)
                if done.rc and "failed" not in result:
                    result.update(failed=True, rc=done.rc)
                return result
    last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
    m.fail("the module gave no result" + (": %s" % last[0] if last else ""), rc=done.rc, module_stdout=done.stdout, module_stderr=done.stderr)
    return {}
