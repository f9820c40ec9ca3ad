"""What modules of people's own import as `ansible.module_utils.basic`: the documented AnsibleModule, over this file alone.

It runs in the module's own process on the target, next to nothing of fleet's.
"""
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from typing import Any, Dict, List, Optional

MYPY = False
HIDDEN = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"
GIVEN = {}  # type: Dict[str, Any]  # filled by whoever starts the module: args, check, diff, name, tmpdir
TRUE = frozenset(("1", "on", "t", "true", "y", "yes"))
FALSE = frozenset(("0", "off", "f", "false", "n", "no"))
UNITS = {"": 1, "B": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40, "P": 1 << 50}


class AnsibleFallbackNotFound(Exception):
    """A fallback has nothing."""


def env_fallback(*names, **options):
    # type: (*str, **Any) -> str
    for name in names:
        if name in os.environ:
            return os.environ[name]
    raise AnsibleFallbackNotFound


def missing_required_lib(library, reason=None, url=None):
    # type: (str, Optional[str], Optional[str]) -> str
    return "the Python library %s is missing on this host%s%s" % (library, " for %s" % reason if reason else "", "; see %s" % url if url else "")


class Wrong(Exception):
    """An argument that does not fit the module's spec."""


def as_bool(value):
    # type: (Any) -> bool
    if isinstance(value, bool):
        return value
    word = str(value).lower().strip()
    if word in TRUE or word in FALSE:
        return word in TRUE
    raise Wrong("is not true or false")


def as_list(value):
    # type: (Any) -> List[Any]
    if isinstance(value, list):
        return value
    if isinstance(value, str):
        return [each.strip() for each in value.split(",")]
    if isinstance(value, (int, float)):
        return [str(value)]
    raise Wrong("is no list")


def as_dict(value):
    # type: (Any) -> Dict[str, Any]
    if isinstance(value, str):
        if value.lstrip().startswith("{"):
            value = json.loads(value)
        else:
            pairs = [each.partition("=") for each in shlex.split(value.replace(",", " "))]
            value = {name: rest for name, equals, rest in pairs if equals}
    if not isinstance(value, dict):
        raise Wrong("is no mapping")
    return value


def as_size(value):
    # type: (Any) -> int
    match = re.match(r"\s*(\d+(?:\.\d+)?)\s*([BKMGTP]?)(?:i?[Bb])?\s*\Z", str(value), re.IGNORECASE)
    if not match:
        raise Wrong("is no size such as 10M")
    return int(float(match.group(1)) * UNITS[match.group(2).upper()])


def as_str(value):
    # type: (Any) -> str
    if isinstance(value, (dict, list)):
        raise Wrong("is no text")
    return value if isinstance(value, str) else str(value)


TYPES = {
    "str": as_str, "bool": as_bool, "list": as_list, "dict": as_dict, "int": int, "float": float, "raw": lambda value: value,
    "path": lambda value: os.path.expanduser(os.path.expandvars(as_str(value))), "jsonarg": lambda value: value if isinstance(value, str) else json.dumps(value),
    "json": lambda value: value if isinstance(value, str) else json.dumps(value), "bytes": as_size, "bits": as_size,
}  # type: Dict[str, Any]


class Arguments:
    """Arguments by an argument spec. hidden: the texts of those that are not to be shown."""

    def __init__(self):
        # type: () -> None
        self.hidden = set()  # type: Any

    def check(self, spec, given, where=""):
        # type: (Dict[str, Any], Dict[str, Any], str) -> Dict[str, Any]
        aliases = {alias: name for name, option in spec.items() for alias in option.get("aliases") or ()}
        named = {}
        for key, value in given.items():
            name = aliases.get(key, key)
            if name not in spec:
                raise Wrong("there is no option '%s'%s; there are: %s" % (key, where, ", ".join(sorted(spec))))
            named[name] = value
        return {name: self.value(name, option, named, where) for name, option in spec.items()}

    def value(self, name, option, given, where):
        # type: (str, Dict[str, Any], Dict[str, Any], str) -> Any
        value = given.get(name)
        if value is None:
            value = self.unsaid(name, option, where, name in given)
        if value is None:
            return None
        value = self.converted(name, option.get("type") or "str", value, where)
        if option.get("no_log"):
            self.hide(value)
        choices = list(option.get("choices") or ())
        for each in (value if isinstance(value, list) else [value]) if choices else ():
            if each not in choices:
                raise Wrong("value of %s must be one of: %s, got: %s" % (name, ", ".join(map(str, choices)), each))
        if isinstance(value, list) and option.get("elements"):
            value = [self.converted(name, option["elements"], each, where) for each in value]
        if option.get("options"):
            inner = " of %s" % name
            value = [self.check(option["options"], each, inner) for each in value] if isinstance(value, list) else self.check(option["options"], value, inner)
        return value

    @staticmethod
    def unsaid(name, option, where, said):
        # type: (str, Dict[str, Any], str, bool) -> Any
        fallback = option.get("fallback")
        if fallback:
            try:
                rest = list(fallback[1:])
                options = next((each for each in rest if isinstance(each, dict)), {})
                return fallback[0](*[word for each in rest if isinstance(each, (list, tuple)) for word in each], **options)
            except AnsibleFallbackNotFound:
                pass
        if option.get("required") and not said:
            raise Wrong("missing required arguments: %s%s" % (name, where))
        return option.get("default")

    @staticmethod
    def converted(name, kind, value, where):
        # type: (str, Any, Any, str) -> Any
        try:
            return kind(value) if callable(kind) else TYPES[kind](value)
        except (Wrong, ValueError, TypeError) as error:
            said = str(error) if isinstance(error, Wrong) else "cannot be read as %s" % (kind,)
            raise Wrong("argument '%s'%s %s: %r" % (name, where, said, value))

    def hide(self, value):
        # type: (Any) -> None
        if isinstance(value, dict):
            value = list(value.values())
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, (dict, list)):
                self.hide(each)
            elif not isinstance(each, bool) and str(each):
                self.hidden.add(str(each))

    def shown(self, value):
        # type: (Any) -> Any
        """Data with what is hidden taken out."""
        if isinstance(value, dict):
            return {key: self.shown(each) for key, each in value.items()}
        if isinstance(value, (list, tuple, set, frozenset)):
            return [self.shown(each) for each in value]
        if isinstance(value, bytes):
            value = value.decode("utf-8", "surrogateescape")
        if not isinstance(value, str):
            return HIDDEN if str(value) in self.hidden and not isinstance(value, bool) else value
        if value in self.hidden:
            return HIDDEN
        for secret in self.hidden:
            value = value.replace(secret, "********")
        return value


def grouped(rule):
    # type: (Any) -> Any
    """A rule's groups of names; one group may stand by itself."""
    return [rule] if rule and isinstance(rule[0], str) else rule


class AnsibleModule:
    """A module's arguments, and how it tells what it did (Ansible's developer guide, "module_utils.basic")."""

    def __init__(self, argument_spec, bypass_checks=False, no_log=False, mutually_exclusive=None, required_together=None, required_one_of=None,
                 add_file_common_args=False, supports_check_mode=False, required_if=None, required_by=None):
        # type: (Dict[str, Any], bool, bool, Any, Any, Any, bool, bool, Any, Any) -> None
        self.argument_spec = argument_spec
        self.supports_check_mode = supports_check_mode
        self.check_mode = bool(GIVEN.get("check"))
        self.no_log = no_log
        self._name = str(GIVEN.get("name") or "module")
        self._diff = bool(GIVEN.get("diff"))
        self._verbosity = 0
        self._debug = False
        self._warnings = []  # type: List[str]
        self._arguments = Arguments()
        self.tmpdir = str(GIVEN.get("tmpdir") or tempfile.gettempdir())
        if add_file_common_args:
            self.fail_json(msg="add_file_common_args is not supported; call fleet's own modules `file` or `copy` for owner and mode")
        if self.check_mode and not supports_check_mode:
            self.exit_json(skipped=True, unpredicted=True, msg="remote module (%s) does not support check mode" % self._name)
        try:
            self.params = self._arguments.check(argument_spec, GIVEN.get("args") or {})
            if not bypass_checks:
                self._rules(mutually_exclusive or (), required_together or (), required_one_of or (), required_if or (), required_by or {})
        except Wrong as error:
            self.fail_json(msg=str(error))

    def _rules(self, exclusive, together, one_of, if_, by):
        # type: (Any, Any, Any, Any, Any) -> None
        given = {name for name in self.params if self.params[name] is not None}
        for group in grouped(exclusive):
            if len(given & set(group)) > 1:
                raise Wrong("parameters are mutually exclusive: %s" % "|".join(group))
        for group in grouped(together):
            if given & set(group) and set(group) - given:
                raise Wrong("parameters are required together: %s" % ", ".join(group))
        for group in grouped(one_of):
            if not given & set(group):
                raise Wrong("one of the following is required: %s" % ", ".join(group))
        for rule in if_:
            missing = [name for name in rule[2] if name not in given]
            if self.params.get(rule[0]) == rule[1] and missing and (len(missing) == len(rule[2]) or not (len(rule) > 3 and rule[3])):
                raise Wrong("%s is %s but all of the following are missing: %s" % (rule[0], rule[1], ", ".join(missing)))
        for name, needed in by.items():
            missing = [each for each in ([needed] if isinstance(needed, str) else needed) if each not in given]
            if name in given and missing:
                raise Wrong("missing parameter(s) required by '%s': %s" % (name, ", ".join(missing)))

    # -- the end

    def exit_json(self, **result):
        # type: (**Any) -> None
        result.setdefault("changed", False)
        self._say(result)
        sys.exit(0)

    def fail_json(self, msg, **result):
        # type: (str, **Any) -> None
        result.update(failed=True, msg=msg)
        if "exception" not in result and sys.exc_info()[2] is not None:
            import traceback
            result["exception"] = traceback.format_exc()
        self._say(result)
        sys.exit(1)

    def _say(self, result):
        # type: (Dict[str, Any]) -> None
        if self._warnings:
            result["warnings"] = list(result.get("warnings") or ()) + self._warnings
        sys.stdout.write("\n" + self.jsonify(self._arguments.shown(result)) + "\n")
        sys.stdout.flush()

    def warn(self, warning):
        # type: (str) -> None
        if warning not in self._warnings:
            self._warnings.append(warning)

    def deprecate(self, msg, *args, **options):
        # type: (str, *Any, **Any) -> None
        self.warn("deprecated: %s" % msg)

    def debug(self, msg):
        # type: (str) -> None
        pass

    def log(self, msg, log_args=None):
        # type: (str, Any) -> None
        pass

    # -- help

    def jsonify(self, data):
        # type: (Any) -> str
        return json.dumps(data, default=str)

    def from_json(self, data):
        # type: (str) -> Any
        return json.loads(data)

    def boolean(self, value):
        # type: (Any) -> bool
        try:
            return as_bool(value)
        except Wrong:
            self.fail_json(msg="'%s' is not true or false" % value)
            raise

    def fail_on_missing_params(self, required_params=None):
        # type: (Any) -> None
        missing = [name for name in required_params or () if not self.params.get(name)]
        if missing:
            self.fail_json(msg="missing required arguments: %s" % ", ".join(missing))

    def get_bin_path(self, arg, required=False, opt_dirs=None):
        # type: (str, bool, Any) -> Optional[str]
        places = list(opt_dirs or ()) + os.environ.get("PATH", "").split(":") + ["/sbin", "/usr/sbin", "/usr/local/sbin"]
        found = shutil.which(arg, path=":".join(place for place in places if place))
        if found is None and required:
            self.fail_json(msg="there is no program %s on this host" % arg)
        return found

    def run_command(self, args, check_rc=False, close_fds=True, executable=None, data=None, binary_data=False, path_prefix=None, cwd=None,
                    use_unsafe_shell=False, prompt_regex=None, environ_update=None, umask=None, encoding="utf-8", errors="surrogateescape",
                    expand_user_and_vars=True, pass_fds=None, before_communicate_callback=None, ignore_invalid_cwd=True, handle_exceptions=True):
        # type: (Any, bool, bool, Any, Any, bool, Any, Any, bool, Any, Any, Any, Any, str, bool, Any, Any, bool, bool) -> Any
        """(status, output, errors). args: a list, or text that is split as a shell does, or given to one with use_unsafe_shell."""
        if use_unsafe_shell:
            argv = [executable or "/bin/sh", "-c", args if isinstance(args, str) else " ".join(shlex.quote(str(each)) for each in args)]
        else:
            argv = shlex.split(args) if isinstance(args, str) else [str(each) for each in args]
            if expand_user_and_vars:
                argv = [os.path.expanduser(os.path.expandvars(each)) for each in argv]
        env = dict(os.environ, **{key: str(value) for key, value in (environ_update or {}).items()})
        if path_prefix:
            env["PATH"] = "%s:%s" % (path_prefix, env.get("PATH", ""))
        if isinstance(data, str):
            data = data.encode(encoding or "utf-8", errors) + (b"" if binary_data else b"\n")
        old = os.umask(umask) if umask is not None else None
        try:
            process = subprocess.Popen(argv, cwd=cwd if cwd and os.path.isdir(cwd) else None, env=env, stdin=subprocess.PIPE if data is not None else
                                       subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, pass_fds=pass_fds or ())
            if before_communicate_callback:
                before_communicate_callback(process)
            out, err = process.communicate(data)
        except OSError as error:
            if not handle_exceptions:
                raise
            self.fail_json(msg="cannot run %s: %s" % (argv[0], error.strerror), rc=error.errno, cmd=args)
            raise
        finally:
            if old is not None:
                os.umask(old)
        texts = [each.decode(encoding, errors) if encoding else each for each in (out, err)]  # type: List[Any]
        if check_rc and process.returncode:
            self.fail_json(msg=str(texts[1] or texts[0]).strip() or "non-zero return code", rc=process.returncode, stdout=texts[0], stderr=texts[1], cmd=args)
        return process.returncode, texts[0], texts[1]

    def digest_from_file(self, filename, algorithm):
        # type: (str, str) -> Optional[str]
        import hashlib
        if not os.path.exists(filename):
            return None
        total = hashlib.new(algorithm)
        with open(filename, "rb") as stream:
            for chunk in iter(lambda: stream.read(1 << 16), b""):
                total.update(chunk)
        return total.hexdigest()

    def sha1(self, filename):
        # type: (str) -> Optional[str]
        return self.digest_from_file(filename, "sha1")

    def sha256(self, filename):
        # type: (str) -> Optional[str]
        return self.digest_from_file(filename, "sha256")

    def md5(self, filename):
        # type: (str) -> Optional[str]
        return self.digest_from_file(filename, "md5")

    def backup_local(self, fn):
        # type: (str) -> str
        import time
        if not os.path.exists(fn):
            return ""
        place = "%s.%d.%s~" % (fn, os.getpid(), time.strftime("%Y-%m-%d@%H:%M:%S"))
        shutil.copy2(fn, place)
        return place

    def atomic_move(self, src, dest, unsafe_writes=False, keep_dest_attrs=True):
        # type: (str, str, bool, bool) -> None
        """Put a file in another's place at once, with the mode and owner that was there."""
        fd, near = tempfile.mkstemp(prefix=".fleet-", dir=os.path.dirname(os.path.abspath(dest)))
        os.close(fd)
        try:
            shutil.copy2(src, near)
            if keep_dest_attrs and os.path.exists(dest):
                now = os.stat(dest)
                os.chown(near, now.st_uid, now.st_gid)
                os.chmod(near, now.st_mode & 0o7777)
            else:
                mask = os.umask(0)
                os.umask(mask)
                os.chmod(near, 0o666 & ~mask)
            with open(near, "rb") as stream:
                os.fsync(stream.fileno())
            os.rename(near, dest)
        except OSError as error:
            os.unlink(near)
            self.fail_json(msg="cannot put %s in the place of %s: %s" % (src, dest, error.strerror))
        if os.path.exists(src):
            os.unlink(src)
