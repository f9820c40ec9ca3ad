"""Facts about the system: what it is, who runs on it, what manages it. Read from files; nothing is started."""
import datetime
import glob
import os
import pwd
import re
import shlex
import sys
import time
from typing import Any, Callable, Dict, Set

MYPY = False
if MYPY:
    Facts = Dict[str, Any]
else:
    Facts = dict


def read(path, default=""):
    # type: (str, str) -> str
    """A small file's text without surrounding space; `default` when it cannot be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read(1 << 20).strip()
    except (OSError, ValueError):
        return default


def system():
    # type: () -> Facts
    """Kernel, architecture, names of the machine, Python."""
    import platform
    name = os.uname()
    hostname = name.nodename.split(".")[0]
    fqdn = _fqdn(name.nodename)
    version = sys.version_info
    return {
        "system": name.sysname, "kernel": name.release, "kernel_version": name.version, "machine": name.machine,
        "architecture": {"i386": "i386", "i586": "i386", "i686": "i386"}.get(name.machine, name.machine),
        "userspace_bits": "64" if sys.maxsize > 2 ** 32 else "32",
        "userspace_architecture": name.machine if sys.maxsize > 2 ** 32 else "i386",
        "nodename": name.nodename, "hostname": hostname, "fqdn": fqdn, "domain": ".".join(fqdn.split(".")[1:]),
        "machine_id": read("/var/lib/dbus/machine-id") or read("/etc/machine-id"),
        "python": {
            "executable": sys.executable, "type": sys.implementation.name, "has_sslcontext": True,
            "version": {"major": version[0], "minor": version[1], "micro": version[2], "releaselevel": version[3], "serial": version[4]},
            "version_info": list(version)},
        "python_version": platform.python_version(),
    }


def _fqdn(node):
    # type: (str) -> str
    """The full name as /etc/hosts has it. The resolver is not asked: a broken one would cost seconds."""
    if "." in node:
        return node
    for line in read("/etc/hosts").splitlines():
        names = line.split("#")[0].split()[1:]
        if node in names:
            dotted = [name for name in names if name.startswith(node + ".")]
            return dotted[0] if dotted else node
    return node


_FAMILIES = {
    "Debian": ("debian", "ubuntu", "raspbian", "linuxmint", "kali", "devuan", "pop", "neon", "elementary", "deepin", "parrot", "uos"),
    "RedHat": ("rhel", "centos", "fedora", "rocky", "almalinux", "ol", "amzn", "scientific", "eurolinux", "virtuozzo", "openeuler"),
    "Suse": ("suse", "opensuse", "sles", "sled", "opensuse-leap", "opensuse-tumbleweed", "sles_sap"),
    "Archlinux": ("arch", "manjaro", "antergos", "endeavouros"), "Alpine": ("alpine",), "Gentoo": ("gentoo", "funtoo"),
    "Void": ("void",), "NixOS": ("nixos",),
}
_NAMES = {
    "debian": "Debian", "ubuntu": "Ubuntu", "raspbian": "Debian", "linuxmint": "Linux Mint", "kali": "Kali", "devuan": "Devuan",
    "rhel": "RedHat", "centos": "CentOS", "fedora": "Fedora", "rocky": "Rocky", "almalinux": "AlmaLinux", "ol": "OracleLinux",
    "amzn": "Amazon", "sles": "SLES", "sled": "SLED", "opensuse-leap": "openSUSE Leap", "opensuse-tumbleweed": "openSUSE Tumbleweed",
    "arch": "Archlinux", "manjaro": "Manjaro", "alpine": "Alpine", "gentoo": "Gentoo", "void": "Void", "nixos": "NixOS",
}


def os_release():
    # type: () -> Dict[str, str]
    """The fields of os-release(5)."""
    fields = {}  # type: Dict[str, str]
    for path in ("/etc/os-release", "/usr/lib/os-release"):
        for line in read(path).splitlines():
            name, equals, value = line.partition("=")
            if equals and not name.startswith("#"):
                try:
                    fields[name.strip()] = "".join(shlex.split(value))
                except ValueError:
                    fields[name.strip()] = value.strip("\"'")
        if fields:
            break
    return fields


def distribution():
    # type: () -> Facts
    fields = os_release()
    ident = fields.get("ID", "").lower()
    likes = [ident] + fields.get("ID_LIKE", "").lower().split()
    family = next((name for like in likes for name, members in _FAMILIES.items() if like in members), None)
    name = _NAMES.get(ident) or fields.get("NAME") or ident.capitalize() or os.uname().sysname
    version = fields.get("VERSION_ID", "")
    variety, path = "", "/etc/os-release"
    if ident == "debian":
        exact = read("/etc/debian_version")
        version = exact if re.match(r"\d", exact) else version
    elif family == "RedHat" and os.path.exists("/etc/redhat-release"):
        variety, path = "RedHat", "/etc/redhat-release"
        found = re.search(r"release (\d+(\.\d+)*)", read(path))
        version = found.group(1) if found else version
    elif ident == "alpine":
        path = "/etc/alpine-release"
        version = read(path) or version
    major = version.split(".")[0]
    facts = {
        "distribution": name, "distribution_version": version or "NA", "distribution_major_version": major or "NA",
        "distribution_release": fields.get("VERSION_CODENAME") or _codename(fields) or "NA", "os_family": family or name,
        "distribution_file_path": path, "distribution_file_variety": variety or (family or name), "distribution_file_parsed": bool(fields),
    }  # type: Facts
    if ident in ("debian", "raspbian") and "." in version:
        facts["distribution_minor_version"] = version.split(".")[1]
    return facts


def _codename(fields):
    # type: (Dict[str, str]) -> str
    """The word in brackets of VERSION: 12 (bookworm); Fedora's are variants and lower case is what is used."""
    found = re.search(r"\(([^)]+)\)", fields.get("VERSION", ""))
    return found.group(1) if found else ""


_MANAGERS = (
    ("/usr/bin/dnf5", "dnf5"), ("/usr/bin/dnf", "dnf"), ("/usr/bin/microdnf", "dnf"), ("/usr/bin/yum", "yum"), ("/usr/bin/apt-get", "apt"),
    ("/usr/bin/zypper", "zypper"), ("/usr/bin/pacman", "pacman"), ("/sbin/apk", "apk"), ("/usr/bin/xbps-install", "xbps"),
    ("/usr/bin/emerge", "portage"), ("/usr/bin/nix-env", "nix"), ("/usr/bin/opkg", "opkg"), ("/bin/opkg", "opkg"),
)


def package_manager():
    # type: () -> Facts
    """pkg_mgr: a Debian may have dnf beside apt, and a Fedora apt beside dnf; the family's own wins."""
    present = [name for path, name in _MANAGERS if os.path.exists(path)]
    if "apt" in present and os.path.exists("/var/lib/dpkg/status") and distribution()["os_family"] == "Debian":
        return {"pkg_mgr": "apt"}
    return {"pkg_mgr": present[0] if present else "unknown"}


def service_manager():
    # type: () -> Facts
    """service_mgr: what runs as process 1 here, or what is installed to."""
    first = os.path.basename(read("/proc/1/comm"))
    if os.path.isdir("/run/fleet/offline"):  # an image while it is built: what its instances will start
        first = os.path.basename(os.path.realpath("/sbin/init"))
    if os.path.isdir("/run/systemd/system") or first == "systemd":
        return {"service_mgr": "systemd"}
    if os.path.exists("/sbin/openrc") or os.path.isdir("/run/openrc"):
        return {"service_mgr": "openrc"}
    if first == "runit" or first == "runsvdir":
        return {"service_mgr": "runit"}
    if os.path.exists("/sbin/upstart") or os.path.exists("/sbin/initctl"):
        return {"service_mgr": "upstart"}
    if os.path.isdir("/etc/init.d"):
        return {"service_mgr": "sysvinit"}
    return {"service_mgr": first or "service"}


def user():
    # type: () -> Facts
    uid, gid = os.getuid(), os.getgid()
    facts = {"user_uid": uid, "user_gid": gid, "effective_user_id": os.geteuid(), "effective_group_id": os.getegid(),
             "real_user_id": uid, "real_group_id": gid}  # type: Facts
    try:
        entry = pwd.getpwuid(os.geteuid())
    except KeyError:
        return dict(facts, user_id=str(os.geteuid()), user_gecos="", user_dir=os.environ.get("HOME", "/"), user_shell="/bin/sh")
    return dict(facts, user_id=entry.pw_name, user_uid=entry.pw_uid, user_gid=entry.pw_gid, user_gecos=entry.pw_gecos,
                user_dir=entry.pw_dir, user_shell=entry.pw_shell)


def date_time():
    # type: () -> Facts
    now = time.time()
    local = time.localtime(now)
    utc = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=now)

    def form(text):
        # type: (str) -> str
        return time.strftime(text, local)

    return {"date_time": {
        "year": form("%Y"), "month": form("%m"), "weekday": form("%A"), "weekday_number": form("%w"), "weeknumber": form("%W"),
        "day": form("%d"), "hour": form("%H"), "minute": form("%M"), "second": form("%S"), "epoch": str(int(now)), "epoch_int": str(int(now)),
        "date": form("%Y-%m-%d"), "time": form("%H:%M:%S"), "iso8601_micro": utc.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "iso8601": utc.strftime("%Y-%m-%dT%H:%M:%SZ"), "iso8601_basic": form("%Y%m%dT%H%M%S") + utc.strftime("%f"),
        "iso8601_basic_short": form("%Y%m%dT%H%M%S"), "tz": form("%Z"), "tz_dst": time.tzname[1], "tz_offset": form("%z")}}


def environment():
    # type: () -> Facts
    return {"env": dict(os.environ)}


def command_line():
    # type: () -> Facts
    """The kernel's command line: cmdline (a repeated word's last value), proc_cmdline (all of them)."""
    last = {}  # type: Dict[str, Any]
    every = {}  # type: Dict[str, Any]
    try:
        words = shlex.split(read("/proc/cmdline"), posix=False)
    except ValueError:
        words = read("/proc/cmdline").split()
    for word in words:
        name, equals, text = word.partition("=")
        value = text if equals else True  # type: Any
        last[name] = value
        if name in every:
            every[name] = (every[name] if isinstance(every[name], list) else [every[name]]) + [value]
        else:
            every[name] = value
    return {"cmdline": last, "proc_cmdline": every}


def security():
    # type: () -> Facts
    facts = {"fips": read("/proc/sys/crypto/fips_enabled") == "1",
             "apparmor": {"status": "enabled" if os.path.isdir("/sys/kernel/security/apparmor") else "disabled"},
             "selinux_python_present": True, "selinux": {"status": "disabled"}}  # type: Facts
    if os.path.exists("/sys/fs/selinux/enforce"):
        config = dict(line.split("=", 1) for line in read("/etc/selinux/config").splitlines() if re.match(r"^SELINUX(TYPE)?=", line))
        facts["selinux"] = {
            "status": "enabled", "mode": "enforcing" if read("/sys/fs/selinux/enforce") == "1" else "permissive",
            "config_mode": config.get("SELINUX", "unknown"), "type": config.get("SELINUXTYPE", "unknown"),
            "policyvers": int(read("/sys/fs/selinux/policyvers", "0") or 0)}
    return facts


def lsb():
    # type: () -> Facts
    """As lsb_release tells; from /etc/lsb-release or, where there is none, os-release."""
    fields = {}  # type: Dict[str, str]
    for line in read("/etc/lsb-release").splitlines():
        name, equals, value = line.partition("=")
        if equals:
            fields[name.strip()] = value.strip().strip("\"'")
    if not fields:
        if not os.path.exists("/usr/bin/lsb_release"):
            return {"lsb": {}}
        release = os_release()
        fields = {"DISTRIB_ID": _NAMES.get(release.get("ID", ""), release.get("NAME", "")), "DISTRIB_RELEASE": release.get("VERSION_ID", ""),
                  "DISTRIB_DESCRIPTION": release.get("PRETTY_NAME", ""), "DISTRIB_CODENAME": release.get("VERSION_CODENAME", "")}
    found = {"id": fields.get("DISTRIB_ID", ""), "release": fields.get("DISTRIB_RELEASE", ""),
             "description": fields.get("DISTRIB_DESCRIPTION", ""), "codename": fields.get("DISTRIB_CODENAME", "")}
    found["major_release"] = found["release"].split(".")[0]
    return {"lsb": found}


def ssh_keys():
    # type: () -> Facts
    facts = {}  # type: Facts
    for folder in ("/etc/ssh", "/etc/openssh", "/etc"):
        for path in sorted(glob.glob(folder + "/ssh_host_*_key.pub")):
            words = read(path).split()
            kind = os.path.basename(path)[len("ssh_host_"):-len("_key.pub")]
            if len(words) > 1:
                facts["ssh_host_key_%s_public" % kind] = words[1]
                facts["ssh_host_key_%s_public_keytype" % kind] = words[0]
        if facts:
            break
    return facts


_CONTAINERS = (("docker", "docker"), ("podman", "podman"), ("libpod", "podman"), ("lxc", "lxc"), ("machine.slice", "container"),
               ("kubepods", "docker"))
_PRODUCTS = (
    ("kvm", "kvm"), ("rhev", "RHEV"), ("qemu", "kvm"), ("standard pc", "kvm"), ("vmware", "VMware"), ("virtualbox", "virtualbox"),
    ("bochs", "kvm"), ("openstack", "openstack"), ("parallels", "parallels"), ("amazon ec2", "kvm"), ("google compute engine", "kvm"),
    ("hvm domu", "xen"), ("digitalocean", "kvm"), ("hetzner", "kvm"),
)


def virtualization():
    # type: () -> Facts
    """What this system is inside of (guest), or is for others (host)."""
    guest = set()  # type: Set[str]
    host = set()  # type: Set[str]
    container = re.search(r"(?:^|\0)container=([\w.-]+)", read("/proc/1/environ")) or re.match(r"([\w.-]+)", read("/run/systemd/container"))
    if container:
        guest.add({"systemd-nspawn": "systemd-nspawn", "lxc": "lxc", "docker": "docker", "podman": "podman",
                   "lxc-libvirt": "lxc"}.get(container.group(1), container.group(1)))
    if os.path.exists("/.dockerenv"):
        guest.add("docker")
    if os.path.exists("/run/.containerenv"):
        guest.add("podman")
    groups = read("/proc/1/cgroup")
    guest.update(kind for word, kind in _CONTAINERS if re.search(r"/%s" % re.escape(word), groups))
    product = " ".join(read("/sys/class/dmi/id/" + name) for name in ("product_name", "sys_vendor", "bios_vendor", "product_family")).lower()
    guest.update(kind for word, kind in _PRODUCTS if word in product)
    if "microsoft corporation" in product and "virtual machine" in product:
        guest.add("VirtualPC")
    if os.path.exists("/proc/xen"):
        (host if "control_d" in read("/proc/xen/capabilities") else guest).add("xen")
    if not guest and " hypervisor" in read("/proc/cpuinfo"):
        guest.add("kvm" if os.path.exists("/sys/class/misc/kvm") or "QEMU" in read("/proc/cpuinfo") else "NA")
    if os.path.isdir("/sys/module/kvm") or os.path.exists("/sys/class/misc/kvm"):
        host.add("kvm")
    if os.path.isdir("/sys/module/vboxdrv"):
        host.add("virtualbox")
    order = ("docker", "podman", "lxc", "systemd-nspawn", "container")
    kinds = sorted(guest, key=lambda kind: (kind not in order, kind)) or sorted(host)
    guest.discard("NA")
    return {"virtualization_type": kinds[0] if kinds else "NA", "virtualization_role": "guest" if guest or kinds == ["NA"] else
            ("host" if host else "NA"), "virtualization_tech_guest": sorted(guest), "virtualization_tech_host": sorted(host)}


def capabilities():
    # type: () -> Facts
    """system_capabilities of this process by name, and whether they are enforced at all (not for a full root)."""
    found = re.search(r"^CapEff:\s*([0-9a-f]+)", read("/proc/self/status"), re.MULTILINE)
    mask = int(found.group(1), 16) if found else 0
    last = int(read("/proc/sys/kernel/cap_last_cap", "40") or 40)
    names = [name for number, name in enumerate(_CAPS) if mask >> number & 1]
    full = mask == (1 << (last + 1)) - 1
    return {"system_capabilities": [] if full else names, "system_capabilities_enforced": "False" if full else "True"}


_CAPS = ["cap_" + name for name in (  # noqa: SIM905
    "chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap linux_immutable net_bind_service net_broadcast net_admin "
    "net_raw ipc_lock ipc_owner sys_module sys_rawio sys_chroot sys_ptrace sys_pacct sys_admin sys_boot sys_nice sys_resource sys_time "
    "sys_tty_config mknod lease audit_write audit_control setfcap mac_override mac_admin syslog wake_alarm block_suspend audit_read perfmon "
    "bpf checkpoint_restore").split()]


def is_chroot():
    # type: () -> Facts
    """Whether / is another directory than process 1's."""
    try:
        here, first = os.stat("/"), os.stat("/proc/1/root/.")
        return {"is_chroot": (here.st_ino, here.st_dev) != (first.st_ino, first.st_dev)}
    except OSError:
        return {"is_chroot": os.stat("/").st_ino not in (2, 256, 128, 64, 96)}


# Each collector by the name that gather_subset knows it by.
COLLECTORS = {
    "platform": system, "distribution": distribution, "pkg_mgr": package_manager, "service_mgr": service_manager, "user": user,
    "date_time": date_time, "env": environment, "cmdline": command_line, "lsb": lsb, "ssh_pub_keys": ssh_keys,
    "virtual": virtualization, "caps": capabilities, "chroot": is_chroot,
}  # type: Dict[str, Callable[[], Facts]]
for _name in ("selinux", "apparmor", "fips"):
    COLLECTORS[_name] = security
