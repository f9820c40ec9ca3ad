"""Lines of apt's sources."""
import glob
import os
import re
from typing import Any, Dict, Generator, List, NamedTuple, Optional, Tuple

from fleet.modules import _apt, _text
from fleet.runner.files import write
from fleet.runner.module import Change, Module, ModuleError
from fleet.runner.spec import Opt, Ret, Spec

SPEC = Spec(
    "apt_repository", "Manage lines of apt's sources",
    {
        "repo": Opt("str", "The line: `deb [options] URI suite component ...`.", required=True),
        "state": Opt("str", "Whether it is there.", default="present", choices=["absent", "present"]),
        "filename": Opt("str", "The file in /etc/apt/sources.list.d for a new line, without .list; named after the URI when not given."),
        "mode": Opt("raw", "Mode of a new file.", default="0644"),
        "update_cache": Opt("bool", "Bring the package lists up to date after a change.", default=True, aliases=["update-cache"]),
        "update_cache_retries": Opt("int", "How often a failed update is tried again.", default=5),
        "update_cache_retry_max_delay": Opt("int", "Seconds between these tries, at most.", default=12),
        "install_python_apt": Opt("bool", "Accepted: nothing needs to be installed.", default=True),
    },
    returns={"repo": Ret("str", "The line."), "state": Ret("str", "The state asked for."),
             "sources_added": Ret("list", "Files that were made.", elements="str"), "sources_removed": Ret("list", "Files that were taken away.", elements="str")},
    notes=["Looks for the line in /etc/apt/sources.list and all *.list files; one that is commented out is put into use in its place.",
           "When the lists cannot be brought up to date, the files are put back as they were.",
           "PPAs are refused: use deb822_repository with the PPA's URI and its key as `signed_by`. *.sources files are deb822_repository's."],
    examples="""
- apt_repository:
    repo: deb [signed-by=/etc/apt/keyrings/example.asc] https://apt.example.org/debian stable main
    filename: example
""")

ETC = "/etc/apt"
Source = NamedTuple("Source", [("enabled", bool), ("kind", str), ("options", Tuple[str, ...]), ("uri", str), ("suite", str), ("parts", Tuple[str, ...])])
_LINE = re.compile(r"^\s*(#[#\s]*)?(deb|deb-src)\s+(?:\[([^\]]*)\]\s*)?(\S+)\s+(\S+)([^#]*)(#.*)?$")


def run(m):
    # type: (Module) -> Generator[Change, Any, Dict[str, Any]]
    args = m.args
    wanted = _wanted(m)
    paths = [os.path.join(ETC, "sources.list")] + sorted(glob.glob(os.path.join(ETC, "sources.list.d", "*.list")))
    texts = {path: _text.content(path) for path in paths}
    after = _with(m, wanted, texts) if args.state == "present" else _without(wanted, texts)
    edits = {path: new for path, new in after.items() if new != texts.get(path)}
    for path, new in sorted(edits.items()):
        yield from _text.rewrite(m, path, texts.get(path), new, args.mode)
    if edits and args.update_cache:
        yield Change("package lists", apply=lambda: _updated(m, {path: texts.get(path) for path in edits}))
    return {"repo": args.repo, "state": args.state, "sources_added": sorted(path for path in edits if texts.get(path) is None),
            "sources_removed": sorted(path for path, new in edits.items() if new is None)}


def _wanted(m):
    # type: (Module) -> Source
    repo = m.args.repo.strip()
    if repo.startswith("ppa:"):
        m.fail("PPAs are not supported: use deb822_repository with the PPA's URI, and its key as `signed_by`")
    source = _parsed(repo)
    if source is None or not source.enabled or "\n" in repo:
        m.fail("%r is no line of apt's sources: `deb [options] URI suite component ...`" % m.args.repo)
        raise AssertionError
    return source


def _parsed(line):
    # type: (str) -> Optional[Source]
    found = _LINE.match(line)
    if found is None or (found.group(1) and not re.match(r"^\S+:", found.group(4))):
        return None
    hidden, kind, options, uri, suite, parts = found.groups()[:6]
    return Source(not hidden, kind, tuple(sorted((options or "").split())), uri.rstrip("/"), suite, tuple(parts.split()))


def _with(m, wanted, texts):
    # type: (Module, Source, Dict[str, Optional[str]]) -> Dict[str, Optional[str]]
    hidden = None  # type: Optional[Tuple[str, int]]
    for path, text in texts.items():
        for number, line in enumerate((text or "").splitlines()):
            found = _parsed(line)
            if found == wanted:
                return dict(texts)
            if hidden is None and found is not None and found._replace(enabled=True) == wanted:
                hidden = (path, number)
    line = " ".join(m.args.repo.split()) + "\n"
    if hidden is not None:
        path, number = hidden
        lines = (texts[path] or "").splitlines(True)
        return dict(texts, **{path: "".join(lines[:number] + [line] + lines[number + 1:])})
    path = os.path.join(ETC, "sources.list.d", _filename(m, wanted))
    old = texts.get(path) or ""
    return dict(texts, **{path: old + ("\n" if old and not old.endswith("\n") else "") + line})


def _filename(m, wanted):
    # type: (Module, Source) -> str
    name = m.args.filename
    if name is None:
        address = re.sub(r"^[^:]+:/*([^/@]*@)?", "", wanted.uri)
        name = "_".join(re.findall(r"[A-Za-z0-9-]+", address)) or "repository"
    if "/" in name or name.startswith(".") or not name:
        m.fail("filename is a name in %s/sources.list.d, not %r" % (ETC, name))
    return "%s.list" % re.sub(r"\.list$", "", name)


def _without(wanted, texts):
    # type: (Source, Dict[str, Optional[str]]) -> Dict[str, Optional[str]]
    after = {}  # type: Dict[str, Optional[str]]
    for path, text in texts.items():
        lines = (text or "").splitlines(True)
        kept = [line for line in lines if _parsed(line) != wanted]  # type: List[str]
        if kept == lines:
            after[path] = text
        else:
            after[path] = "".join(kept) if "".join(kept).strip() or path.endswith("/sources.list") else None
    return after


def _updated(m, before):
    # type: (Module, Dict[str, Optional[str]]) -> None
    try:
        _apt.refresh(m, 60)
    except ModuleError as error:
        for path, text in before.items():
            if text is not None:
                write(m, path, text, None if os.path.exists(path) else m.args.mode)
            elif os.path.exists(path):
                os.unlink(path)
        raise ModuleError(error.msg + "; the sources are as they were", changed=False, **error.result)
