"""Python packages, by pip."""
import json
import os
import re
from typing import Any, Dict, Generator, List, Optional, Set, Tuple

from fleet.modules import _fs
from fleet.runner.module import Change, Completed, Module
from fleet.runner.spec import Opt, Ret, Spec

SPEC = Spec(
    "pip", "Manage Python packages",
    {
        "name": Opt("list", "Packages, with versions or extras as pip takes them; paths, URLs and `git+https://...` too.", elements="str"),
        "version": Opt("str", "The version, where `name` is one package."),
        "requirements": Opt("str", "A file of requirements on the target."),
        "state": Opt("str", "present, absent, latest; forcereinstall installs again, always.", default="present",
                     choices=["absent", "forcereinstall", "latest", "present"]),
        "virtualenv": Opt("path", "Work in this virtual environment; it is made when it is not there."),
        "virtualenv_command": Opt("str", "What makes it: a program, with its options. Where there is no `virtualenv`, `python3 -m venv` stands for it.",
                                  default="virtualenv"),
        "virtualenv_python": Opt("str", "The Python of a new environment; only with `virtualenv`."),
        "virtualenv_site_packages": Opt("bool", "A new environment sees the system's packages.", default=False),
        "executable": Opt("path", "The pip to use: a name or a path."),
        "editable": Opt("bool", "Install paths in editable mode.", default=False),
        "extra_args": Opt("str", "Further words for pip."),
        "chdir": Opt("path", "Run pip in this directory."),
        "umask": Opt("str", "The umask while it installs: octal, as text."),
        "break_system_packages": Opt("bool", "Go on where the system's Python is the distribution's own affair.", default=False),
    },
    required_one_of=[("name", "requirements", "virtualenv")], mutually_exclusive=[("name", "requirements"), ("executable", "virtualenv")],
    required_by={"version": ["name"]},
    returns={"cmd": Ret("list", "What was run, or would be.", elements="str"), "name": Ret("list", "The packages.", elements="str"),
             "version": Ret("str", "The option."), "requirements": Ret("str", "The file."), "virtualenv": Ret("str", "The environment."),
             "stdout": Ret("str", "What pip said.", returned="something was run"), "stderr": Ret("str", "What it complained about.", returned="something was run")},
    notes=["What pip would install is asked of itself (`--dry-run`, since pip 22.2); an older pip is asked for what is installed, and under check names with "
           "versions are then counted as a change. Changed means that what is installed, and in which version, is another than before.",
           "A path or a URL of the version that is installed is installed again, and counts as no change."],
    examples="""
- pip:
    name: [gunicorn, "django>=4.2,<5"]
    virtualenv: /opt/app/venv
    virtualenv_command: python3 -m venv

- pip:
    requirements: /opt/app/requirements.txt
    virtualenv: /opt/app/venv
""")

MYPY = False
if MYPY:
    Versions = Set[Tuple[str, str]]


def run(m):
    # type: (Module) -> Generator[Change, Any, Dict[str, Any]]
    args = m.args
    names = _names(m)
    for option in ("chdir", "requirements"):
        args[option] = _fs.expand(args[option]) if args[option] is not None else None
    env = None if args.virtualenv is None else os.path.join(args.chdir or "", os.path.expanduser(args.virtualenv))
    result = {"name": names, "version": args.version, "requirements": args.requirements, "virtualenv": env, "changed": False}
    if env is not None and not os.path.exists(os.path.join(env, "bin", "activate")):
        yield Change("virtual environment", None, env + "\n", lambda: m.run(_maker(m, env), ok=[0]), env)
        result["changed"] = True
        if m.check:
            return result
    if not names and args.requirements is None:
        return result
    pip = _pip(m, env)
    words = _words(args, names)
    result["cmd"] = pip + words
    if not pip:
        if args.state != "absent":
            yield Change(" ".join(words))
            result["changed"] = True
        return result
    if args.state == "absent":
        before = _installed(m, pip)
        named = {_normal(re.split(r"[\[<>=!~;@ ]", name)[0]) for name in names or _required(args)}
        if not named & {name for name, _version in before}:
            return result
        planned = {(name, "") for name in named}  # type: Any
    else:
        planned = None if args.state == "forcereinstall" else _planned(m, pip, words, names)
        if planned is not None and not planned:
            return result
        before = _installed(m, pip)
    if m.check:
        if planned is None or planned - before:
            yield Change(" ".join(words))
            result["changed"] = True
        return result
    done = yield Change(" ".join(words), apply=lambda: _act(m, pip, words))
    result.update(stdout=done.stdout, stderr=done.stderr)
    result["changed"] = result["changed"] or args.state == "forcereinstall" or _installed(m, pip) != before
    return result


def _names(m):
    # type: (Module) -> List[str]
    """The packages asked for; a list of constraints that was split at its commas is one again."""
    args = m.args
    names = []  # type: List[str]
    for word in args.name or []:
        if names and re.match(r"\s*(~=|[<>=!]=?)", word):
            names[-1] += "," + word.strip()
        elif word.strip():
            names.append(word.strip())
    for name in names:
        if name.startswith("-"):
            m.fail("%r is no package: options of pip go into extra_args" % name)
    if args.version is not None:
        if len(names) != 1 or re.search(r"[<>=!~/]", names[0]):
            m.fail("version goes with one name that has none itself")
        names = [names[0] + (args.version if re.match(r"[<>=!~]", args.version) else "==" + args.version)]
    if args.version is not None and args.state == "latest":
        m.fail("version is incompatible with state=latest")
    if args.editable and args.state != "absent" and not all("/" in name or name == "." for name in names):
        m.fail("editable takes paths and URLs of sources")
    return names


def _required(args):
    # type: (Any) -> List[str]
    """The packages that a file of requirements names itself."""
    with open(os.path.join(args.chdir or "", args.requirements), encoding="utf-8", errors="surrogateescape") as stream:
        return [line.strip() for line in stream if re.match(r"\s*\w", line)]


def _maker(m, env):
    # type: (Module, str) -> List[str]
    import shlex
    import shutil
    args = m.args
    words = shlex.split(args.virtualenv_command)
    if words == ["virtualenv"] and not shutil.which("virtualenv"):
        words = ["python3", "-m", "venv"]
    if args.virtualenv_site_packages:
        words.append("--system-site-packages")
    if args.virtualenv_python is not None:
        if "venv" in words or os.path.basename(words[0]).startswith("pyvenv"):
            m.fail("virtualenv_python goes with virtualenv only; with venv name the Python in virtualenv_command")
        words.append("--python=" + args.virtualenv_python)
    return words + [env]


def _pip(m, env):
    # type: (Module, Optional[str]) -> List[str]
    import shutil
    if env is not None:
        return [os.path.join(os.path.abspath(env), "bin", "python"), "-m", "pip"]
    if m.args.executable is not None:
        return [os.path.expanduser(m.args.executable)]
    for name in ("pip3", "pip"):
        if shutil.which(name):
            return [name]
    if shutil.which("python3") and m.run(["python3", "-m", "pip", "--version"]).rc == 0:
        return ["python3", "-m", "pip"]
    if not m.check:
        m.fail("there is no pip on this target: install it (python3-pip), or use virtualenv")
    m.warn("there is no pip yet")  # an earlier task may be the one that installs it
    return []


def _words(args, names):
    # type: (Any, List[str]) -> List[str]
    import shlex
    words = ["uninstall", "-y"] if args.state == "absent" else ["install"]
    words += {"latest": ["-U"], "forcereinstall": ["-U", "--force-reinstall"]}.get(args.state, [])
    words += shlex.split(args.extra_args or "")
    if args.requirements is not None:
        return words + ["-r", args.requirements]
    for name in names:
        words += ["-e", name] if args.editable and args.state != "absent" else [name]
    return words


def _call(m, pip, words):
    # type: (Module, List[str], List[str]) -> Completed
    env = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1", "LC_ALL": "C.UTF-8"}
    if m.args.break_system_packages:
        env["PIP_BREAK_SYSTEM_PACKAGES"] = "1"
    return m.run(pip + words, cwd=m.args.chdir, env=env)


def _act(m, pip, words):
    # type: (Module, List[str], List[str]) -> Completed
    mask = None if m.args.umask is None else os.umask(int(m.args.umask, 8))
    try:
        done = _call(m, pip, words)
    finally:
        if mask is not None:
            os.umask(mask)
    if done.rc != 0:
        _fail(m, pip, words, done)
    return done


def _fail(m, pip, words, done):
    # type: (Module, List[str], List[str], Completed) -> None
    errors = [line.split(":", 1)[1].strip() for line in done.stderr.splitlines() if line.lower().startswith("error:")]
    if any("externally-managed" in error for error in errors):
        errors = ["this Python is managed by the distribution: use virtualenv, the distribution's package, or `break_system_packages: true`"]
    m.fail("pip %s failed: %s" % (words[0], "; ".join(errors) or done.stderr.strip()[-500:]), cmd=pip + words, rc=done.rc, stdout=done.stdout, stderr=done.stderr)


def _normal(name):
    # type: (str) -> str
    return re.sub(r"[-_.]+", "-", name).lower()


def _installed(m, pip):
    # type: (Module, List[str]) -> Versions
    done = _call(m, pip, ["list", "--format=json"])
    if done.rc != 0:
        _fail(m, pip, ["list"], done)
    return {(_normal(each["name"]), each["version"]) for each in json.loads(done.stdout)}


def _planned(m, pip, words, names):
    # type: (Module, List[str], List[str], List[str]) -> Optional[Versions]
    """What pip would install; None when only a try could tell."""
    done = _call(m, pip, words + ["--dry-run", "--quiet", "--report", "-"])
    if done.rc == 0:
        report = json.loads(done.stdout[done.stdout.index("{"):])
        return {(_normal(each["metadata"]["name"]), each["metadata"]["version"]) for each in report["install"]}
    if "no such option" not in done.stderr:
        _fail(m, pip, words, done)
    plain = {_normal(name) for name in names if re.match(r"^[\w.-]+$", name)}
    if m.args.state == "present" and names and len(plain) == len(names) and plain <= {name for name, _version in _installed(m, pip)}:
        return set()
    return None
