"""Repositories of dnf and yum: a section of a file in /etc/yum.repos.d."""
import os
import re
from typing import Any, Dict, List

from fleet.runner import files
from fleet.runner.module import Change, Module
from fleet.runner.spec import Opt, Ret, Spec, file_options

# Options that dnf.conf(5) and yum.conf(5) know by the same name: (name, type, what it is for).
_PLAIN = (
    ("bandwidth", "str", "The bandwidth that throttle is a share of."), ("cost", "str", "Relative cost; the cheaper repository is preferred."),
    ("deltarpm_percentage", "str", "Use a delta when it is less than this share of the package."), ("enabled", "bool", "Whether it is used."),
    ("enablegroups", "bool", "Whether its groups are used."), ("exclude", "list", "Packages that are not taken from it."),
    ("failovermethod", "str", "roundrobin or priority."), ("gpgcakey", "str", "URL of the key that signed the others."),
    ("gpgcheck", "bool", "Check the packages' signatures."), ("gpgkey", "list", "URLs of the keys."),
    ("http_caching", "str", "all, packages or none."), ("include", "str", "URL or path of a further configuration."),
    ("includepkgs", "list", "The only packages that are taken from it."), ("ip_resolve", "str", "IP version."),
    ("keepalive", "bool", "Keep connections open."), ("metadata_expire", "str", "Seconds, or `never`."), ("metadata_expire_filter", "str", "What may be stale."),
    ("metalink", "str", "URL of a metalink file."), ("mirrorlist", "str", "URL of a list of mirrors."), ("mirrorlist_expire", "str", "Seconds."),
    ("module_hotfixes", "bool", "Its packages are hotfixes of modules."), ("password", "str", "Password of the repository."), ("priority", "str", "1 to 99."),
    ("protect", "bool", "Its packages are not replaced by other repositories'."), ("proxy", "str", "URL of a proxy, or `_none_`."),
    ("proxy_password", "str", "Password of the proxy."), ("proxy_username", "str", "User of the proxy."), ("repo_gpgcheck", "bool", "Check its data's signature."),
    ("retries", "str", "Tries of a download."), ("s3_enabled", "bool", "It is in Amazon S3."),
    ("skip_if_unavailable", "bool", "Go on without it where it cannot be reached."), ("sslcacert", "str", "File of the certificates that are trusted."),
    ("ssl_check_cert_permissions", "bool", "Check the permissions of the certificates' files."), ("sslclientcert", "str", "Certificate of the client."),
    ("sslclientkey", "str", "Key of the client."), ("sslverify", "bool", "Check its certificate."), ("throttle", "str", "Bandwidth to use at most."),
    ("timeout", "str", "Seconds of a connection."), ("ui_repoid_vars", "str", "Variables shown behind its id."), ("username", "str", "User of the repository."),
)
_ALIASES = {"exclude": ["excludepkgs"], "sslcacert": ["ca_cert"], "sslclientcert": ["client_cert"], "sslclientkey": ["client_key"], "sslverify": ["validate_certs"]}
_SECRET = ("password", "proxy_password")
_NAME = re.compile(r"^[A-Za-z0-9_.:+-]+$")
_HEAD = re.compile(r"^\s*\[(.+)\]\s*$")

SPEC = Spec(
    "yum_repository", "Manage repositories of dnf and yum",
    dict({
        "name": Opt("str", "Its id, the section's name.", required=True),
        "description": Opt("str", "Its name for people; needed to make one."),
        "baseurl": Opt("list", "URLs of the repository.", elements="str"),
        "file": Opt("str", "The file in reposdir, without `.repo`; the id when not given."),
        "reposdir": Opt("path", "Where the files are.", default="/etc/yum.repos.d"),
        "state": Opt("str", "present or absent.", default="present", choices=["absent", "present"]),
    }, **dict({name: Opt(kind, doc, elements="str" if kind == "list" else None, aliases=_ALIASES.get(name, ()), no_log=name in _SECRET)
               for name, kind, doc in _PLAIN}, **file_options())),
    returns={"repo": Ret("str", "Its id."), "state": Ret("str", "The state.")},
    notes=["A section says what the task says and nothing else; other sections of the file, and comments among them, stay as they are."],
    examples="""
- yum_repository:
    name: epel
    description: Extra Packages for Enterprise Linux
    baseurl: https://dl.fedoraproject.org/pub/epel/$releasever/Everything/$basearch/
    gpgcheck: true
    gpgkey: https://dl.fedoraproject.org/pub/epel/RPM-GPG-KEY-EPEL-9
""")


def run(m):
    # type: (Module) -> Any
    args = m.args
    for text in (args.name, args.file or args.name):
        if not _NAME.match(text) or text in (".", ".."):
            m.fail("'%s' cannot be the name of a repository or its file: letters, digits and - _ . : + only" % text)
    if args.state == "present" and not args.description:
        m.fail("a repository needs a description")
    if args.state == "present" and not (args.baseurl or args.metalink or args.mirrorlist):
        m.fail("a repository needs one of baseurl, metalink and mirrorlist")
    path = os.path.join(args.reposdir, "%s.repo" % (args.file or args.name))
    if not os.path.isdir(args.reposdir):
        m.fail("there is no directory %s: is this a target of dnf or yum?" % args.reposdir)
    old = _read(path)
    new = _replaced(old, args.name, _section(args) if args.state == "present" else [])
    if new != old:
        what = "repository " + args.name
        if new.strip():
            yield Change(what, _hidden(m, old), _hidden(m, new), lambda: files.write(
                m, path, new.encode("utf-8", "surrogateescape"), args.mode, args.owner, args.group, args.unsafe_writes), path=path)
        else:
            yield Change(what, _hidden(m, old), None, lambda: os.unlink(path), path=path)
    if args.state == "present":
        for change in files.attributes(m, path, True, None, args.mode, args.owner, args.group, args.attributes):
            yield change
    return {"repo": args.name, "state": args.state}


def _read(path):
    # type: (str) -> str
    if not os.path.exists(path):
        return ""
    with open(path, encoding="utf-8", errors="surrogateescape") as stream:
        return stream.read()


def _section(args):
    # type: (Any) -> List[str]
    """The lines of the section, sorted by option."""
    said = {"name": args.description, "baseurl": args.baseurl}  # type: Dict[str, Any]
    said.update((name, args[name]) for name, _kind, _doc in _PLAIN)
    lines = []
    for name in sorted(said):
        value = said[name]
        if value is None:
            continue
        if isinstance(value, bool):
            value = "1" if value else "0"
        if isinstance(value, list):
            value = (" " if name in ("exclude", "includepkgs") else "\n" + " " * 4).join(value)
        lines.append("%s = %s" % (name, value))
    return ["[%s]" % args.name] + lines


def _replaced(text, name, section):
    # type: (str, str, List[str]) -> str
    """A file's text with one section replaced, added or left out."""
    kept, inside, at = [], False, None  # type: List[str], bool, Any
    for line in text.splitlines():
        head = _HEAD.match(line)
        if head:
            inside = head.group(1).strip() == name
            if inside and at is None:
                at = len(kept)
        if not inside:
            kept.append(line)
    if section:
        at = len(kept) if at is None else at
        between = [""] if at and kept[at - 1].strip() else []
        after = [""] if at < len(kept) else []
        kept[at:at] = between + section + after
    return "".join(line + "\n" for line in _trimmed(kept))


def _trimmed(lines):
    # type: (List[str]) -> List[str]
    while lines and not lines[-1].strip():
        lines = lines[:-1]
    return lines


def _hidden(m, text):
    # type: (Module, str) -> str
    return re.sub(r"(?m)^((?:proxy_)?password\s*=\s*).*$", r"\1********", text)
