"""Generated from the modules' specs by `python -m fleet.dsl.stubs`; do not edit."""

from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from typing import Any, Literal, TypedDict

from typing_extensions import Unpack

from fleet.dsl.host import Host
from fleet.dsl.later import Later
from fleet.dsl.result import Record
from fleet.dsl.result import Result as Result

KEYWORDS: tuple[str, ...]

class Keywords(TypedDict, total=False):
    """What any task call takes beside its module's options."""

    task: str
    notify: str | Callable[[Host], Any] | Sequence[str | Callable[[Host], Any]]
    changed_when: bool | Callable[[dict[str, Any]], bool]
    failed_when: bool | Callable[[dict[str, Any]], bool]
    until: Callable[[dict[str, Any]], bool]
    retries: int
    delay: float
    tags: str | Sequence[str]
    become: bool
    become_user: str
    become_method: Literal["sudo", "su", "doas"]
    become_flags: str
    check_mode: bool
    diff: bool
    no_log: bool
    ignore_errors: bool
    ignore_unreachable: bool
    timeout: float
    environment: Mapping[str, str]
    delegate_to: str
    delegate_facts: bool
    remote_user: str
    vars: Mapping[str, Any]

class KeywordsButDelayButTimeout(TypedDict, total=False):
    """What any task call takes beside its module's options; delay and timeout is the module's own."""

    task: str
    notify: str | Callable[[Host], Any] | Sequence[str | Callable[[Host], Any]]
    changed_when: bool | Callable[[dict[str, Any]], bool]
    failed_when: bool | Callable[[dict[str, Any]], bool]
    until: Callable[[dict[str, Any]], bool]
    retries: int
    tags: str | Sequence[str]
    become: bool
    become_user: str
    become_method: Literal["sudo", "su", "doas"]
    become_flags: str
    check_mode: bool
    diff: bool
    no_log: bool
    ignore_errors: bool
    ignore_unreachable: bool
    environment: Mapping[str, str]
    delegate_to: str
    delegate_facts: bool
    remote_user: str
    vars: Mapping[str, Any]

class KeywordsButRetriesButDelay(TypedDict, total=False):
    """What any task call takes beside its module's options; retries and delay is the module's own."""

    task: str
    notify: str | Callable[[Host], Any] | Sequence[str | Callable[[Host], Any]]
    changed_when: bool | Callable[[dict[str, Any]], bool]
    failed_when: bool | Callable[[dict[str, Any]], bool]
    until: Callable[[dict[str, Any]], bool]
    tags: str | Sequence[str]
    become: bool
    become_user: str
    become_method: Literal["sudo", "su", "doas"]
    become_flags: str
    check_mode: bool
    diff: bool
    no_log: bool
    ignore_errors: bool
    ignore_unreachable: bool
    timeout: float
    environment: Mapping[str, str]
    delegate_to: str
    delegate_facts: bool
    remote_user: str
    vars: Mapping[str, Any]

class KeywordsButRetriesButDelayButTimeout(TypedDict, total=False):
    """What any task call takes beside its module's options; retries and delay and timeout is the module's own."""

    task: str
    notify: str | Callable[[Host], Any] | Sequence[str | Callable[[Host], Any]]
    changed_when: bool | Callable[[dict[str, Any]], bool]
    failed_when: bool | Callable[[dict[str, Any]], bool]
    until: Callable[[dict[str, Any]], bool]
    tags: str | Sequence[str]
    become: bool
    become_user: str
    become_method: Literal["sudo", "su", "doas"]
    become_flags: str
    check_mode: bool
    diff: bool
    no_log: bool
    ignore_errors: bool
    ignore_unreachable: bool
    environment: Mapping[str, str]
    delegate_to: str
    delegate_facts: bool
    remote_user: str
    vars: Mapping[str, Any]

class KeywordsButRetriesButTimeout(TypedDict, total=False):
    """What any task call takes beside its module's options; retries and timeout is the module's own."""

    task: str
    notify: str | Callable[[Host], Any] | Sequence[str | Callable[[Host], Any]]
    changed_when: bool | Callable[[dict[str, Any]], bool]
    failed_when: bool | Callable[[dict[str, Any]], bool]
    until: Callable[[dict[str, Any]], bool]
    delay: float
    tags: str | Sequence[str]
    become: bool
    become_user: str
    become_method: Literal["sudo", "su", "doas"]
    become_flags: str
    check_mode: bool
    diff: bool
    no_log: bool
    ignore_errors: bool
    ignore_unreachable: bool
    environment: Mapping[str, str]
    delegate_to: str
    delegate_facts: bool
    remote_user: str
    vars: Mapping[str, Any]

class KeywordsButTimeout(TypedDict, total=False):
    """What any task call takes beside its module's options; timeout is the module's own."""

    task: str
    notify: str | Callable[[Host], Any] | Sequence[str | Callable[[Host], Any]]
    changed_when: bool | Callable[[dict[str, Any]], bool]
    failed_when: bool | Callable[[dict[str, Any]], bool]
    until: Callable[[dict[str, Any]], bool]
    retries: int
    delay: float
    tags: str | Sequence[str]
    become: bool
    become_user: str
    become_method: Literal["sudo", "su", "doas"]
    become_flags: str
    check_mode: bool
    diff: bool
    no_log: bool
    ignore_errors: bool
    ignore_unreachable: bool
    environment: Mapping[str, str]
    delegate_to: str
    delegate_facts: bool
    remote_user: str
    vars: Mapping[str, Any]

class KeywordsButTimeoutButEnvironment(TypedDict, total=False):
    """What any task call takes beside its module's options; timeout and environment is the module's own."""

    task: str
    notify: str | Callable[[Host], Any] | Sequence[str | Callable[[Host], Any]]
    changed_when: bool | Callable[[dict[str, Any]], bool]
    failed_when: bool | Callable[[dict[str, Any]], bool]
    until: Callable[[dict[str, Any]], bool]
    retries: int
    delay: float
    tags: str | Sequence[str]
    become: bool
    become_user: str
    become_method: Literal["sudo", "su", "doas"]
    become_flags: str
    check_mode: bool
    diff: bool
    no_log: bool
    ignore_errors: bool
    ignore_unreachable: bool
    delegate_to: str
    delegate_facts: bool
    remote_user: str
    vars: Mapping[str, Any]

class KeywordsButVars(TypedDict, total=False):
    """What any task call takes beside its module's options; vars is the module's own."""

    task: str
    notify: str | Callable[[Host], Any] | Sequence[str | Callable[[Host], Any]]
    changed_when: bool | Callable[[dict[str, Any]], bool]
    failed_when: bool | Callable[[dict[str, Any]], bool]
    until: Callable[[dict[str, Any]], bool]
    retries: int
    delay: float
    tags: str | Sequence[str]
    become: bool
    become_user: str
    become_method: Literal["sudo", "su", "doas"]
    become_flags: str
    check_mode: bool
    diff: bool
    no_log: bool
    ignore_errors: bool
    ignore_unreachable: bool
    timeout: float
    environment: Mapping[str, str]
    delegate_to: str
    delegate_facts: bool
    remote_user: str

class AcceleratorResult(Result):
    """What `accelerator` gives back.

        accel: `kvm` where it works, else `tcg`.
        reason: Why, in plain words.
    """

    accel: str
    reason: str
    def later(self, field: Literal['accel', 'reason']) -> Later: ...  # type: ignore[override]

class AddHostResult(Result):
    """What `add_host` gives back.

        add_host: host_name, groups and host_vars as added.
    """

    add_host: Record

class AlternativesResult(Result):
    """What `alternatives` gives back."""


class AptResult(Result):
    """What `apt` gives back.

        cache_updated: Whether the lists were brought up to date.
        cache_update_time: When they last were, in seconds since the epoch.
        stdout: What apt-get said. Returned: changed.
        stderr: What it complained about. Returned: changed.
    """

    cache_updated: bool
    cache_update_time: int
    stdout: str
    stderr: str
    def later(self, field: Literal['stdout', 'stderr']) -> Later: ...  # type: ignore[override]

class AptRepositoryResult(Result):
    """What `apt_repository` gives back.

        repo: The line.
        state: The state asked for.
        sources_added: Files that were made.
        sources_removed: Files that were taken away.
    """

    repo: str
    state: str
    sources_added: list[str]
    sources_removed: list[str]
    def later(self, field: Literal['repo', 'state']) -> Later: ...  # type: ignore[override]

class AssembleResult(Result):
    """What `assemble` gives back.

        dest: The file.
        src: The directory.
        checksum: SHA-1 of the content.
        backup_file: The copy of what was there. Returned: backup and changed.
    """

    dest: str
    src: str
    checksum: str
    backup_file: str
    def later(self, field: Literal['dest', 'src', 'checksum', 'backup_file']) -> Later: ...  # type: ignore[override]

class AssertResult(Result):
    """What `assert` gives back.

        assertion: The condition that does not hold. Returned: failed.
        evaluated_to: What it is. Returned: failed.
    """

    assertion: Any
    evaluated_to: bool

class AsyncStatusResult(Result):
    """What `async_status` gives back.

        ansible_job_id: The job.
        started: Whether it began.
        finished: Whether it ended.
        results_file: Where its result is kept on the target.
        erased: What was removed. Returned: mode=cleanup.
    """

    ansible_job_id: str
    started: bool
    finished: bool
    results_file: str
    erased: str
    def later(self, field: Literal['ansible_job_id', 'results_file', 'erased']) -> Later: ...  # type: ignore[override]

class AuthorizedKeyResult(Result):
    """What `authorized_key` gives back.

        keyfile: The file.
        user: The user.
    """

    keyfile: str
    user: str
    def later(self, field: Literal['keyfile', 'user']) -> Later: ...  # type: ignore[override]

class BlockinfileResult(Result):
    """What `blockinfile` gives back.

        backup: The copy of what was there. Returned: backup and changed.
    """

    backup: str
    def later(self, field: Literal['backup']) -> Later: ...  # type: ignore[override]

class CommandResult(Result):
    """What `command` gives back.

        cmd: What was run: a list (command), or the text (shell).
        rc: The exit status.
        stdout: What it wrote to standard output.
        stderr: What it wrote to standard error.
        stdout_lines: stdout by lines.
        stderr_lines: stderr by lines.
        start: When it began, in the target's local time.
        end: When it ended.
        delta: How long it took, as H:MM:SS.micros.
    """

    cmd: Any
    rc: int
    stdout: str
    stderr: str
    stdout_lines: list[str]
    stderr_lines: list[str]
    start: str
    end: str
    delta: str
    def later(self, field: Literal['stdout', 'stderr', 'start', 'end', 'delta']) -> Later: ...  # type: ignore[override]

class ContainerResult(Result):
    """What `container` gives back.

        name: The container.
        root: Where its root is on the host.
        running: Whether its program runs.
        pid: The host's process id of its first process. Returned: running.
        log: What its program writes.
        health: none, starting, healthy or unhealthy. Returned: running.
        clone: How its root was made.
        ids: First host id of its users and how many there are. Returned: unprivileged.
        effects: What each change takes: live, restart or recreate. Returned: changed.
        pending: Changes that wait for a restart or a recreation. Returned: there are any.
    """

    name: str
    root: str
    running: bool
    pid: int
    log: str
    health: str
    clone: str
    ids: list[Any]
    effects: Record
    pending: Record
    def later(self, field: Literal['name', 'root', 'log', 'health', 'clone']) -> Later: ...  # type: ignore[override]

class ContainerInfoResult(Result):
    """What `container_info` gives back.

        containers: name, backend, state, pid, health, restarts, uptime, image, clone, ids, snapshots and options (as declared) of each; log, log_size (where it ends), log_id (of which file), and log_lost when something of it is kept no more.
    """

    containers: list[Record]

class ContainerSnapshotResult(Result):
    """What `container_snapshot` gives back.

        snapshots: All snapshots of the container.
    """

    snapshots: list[str]

class CopyResult(Result):
    """What `copy` gives back.

        dest: The file written.
        src: Where it came from. Returned: changed.
        checksum: SHA-1 of the content.
        md5sum: MD5 of the content, up to a MiB. Returned: changed.
        backup_file: The copy of what was there. Returned: backup and changed.
        mode: Its mode, octal.
        owner: Its owner.
        group: Its group.
        uid: Its owner's number.
        gid: Its group's number.
        size: Its size.
        state: What it is.
    """

    dest: str
    src: str
    checksum: str
    md5sum: str
    backup_file: str
    mode: str
    owner: str
    group: str
    uid: int
    gid: int
    size: int
    state: str
    def later(self, field: Literal['dest', 'src', 'checksum', 'md5sum', 'backup_file', 'mode', 'owner', 'group', 'state']) -> Later: ...  # type: ignore[override]

class CronResult(Result):
    """What `cron` gives back.

        jobs: The names of all jobs there.
        envs: The names of all variables.
        backup_file: The copy. Returned: backup.
        cron_file: The option. Returned: cron_file given.
    """

    jobs: list[str]
    envs: list[str]
    backup_file: str
    cron_file: str
    def later(self, field: Literal['backup_file', 'cron_file']) -> Later: ...  # type: ignore[override]

class Deb822RepositoryResult(Result):
    """What `deb822_repository` gives back.

        repo: The file's content. Returned: state=present.
        dest: The file.
        key_filename: The key's file, when the key was fetched.
    """

    repo: str
    dest: str
    key_filename: str
    def later(self, field: Literal['repo', 'dest', 'key_filename']) -> Later: ...  # type: ignore[override]

class DebconfResult(Result):
    """What `debconf` gives back.

        current: The answers, as they are now: of the package, or of the question.
        previous: The answer there was. Returned: changed.
    """

    current: Record
    previous: Record

class DebugResult(Result):
    """What `debug` gives back."""


class DnfResult(Result):
    """What `dnf` gives back.

        results: What was done, a line a package: `Installed: tool-2.0-1.noarch`.
        rc: The exit status of dnf.
        stdout: What dnf said. Returned: changed.
        stderr: What it complained about. Returned: changed.
    """

    results: list[str]
    rc: int
    stdout: str
    stderr: str
    def later(self, field: Literal['stdout', 'stderr']) -> Later: ...  # type: ignore[override]

class DpkgSelectionsResult(Result):
    """What `dpkg_selections` gives back.

        before: The selection there was.
        after: The selection there is.
    """

    before: str
    after: str
    def later(self, field: Literal['before', 'after']) -> Later: ...  # type: ignore[override]

class ExpectResult(Result):
    """What `expect` gives back.

        cmd: The command.
        rc: Its exit status.
        stdout: All that came to the terminal.
        stdout_lines: The same by lines.
        start: When it began.
        end: When it ended.
        delta: How long it took.
    """

    cmd: str
    rc: int
    stdout: str
    stdout_lines: list[str]
    start: str
    end: str
    delta: str
    def later(self, field: Literal['cmd', 'stdout', 'start', 'end', 'delta']) -> Later: ...  # type: ignore[override]

class FailResult(Result):
    """What `fail` gives back."""


class FetchResult(Result):
    """What `fetch` gives back.

        dest: The file on the controller.
        checksum: Its SHA-1.
        remote_checksum: The target's.
        md5sum: Its MD5.
    """

    dest: str
    checksum: str
    remote_checksum: str
    md5sum: str
    def later(self, field: Literal['dest', 'checksum', 'remote_checksum', 'md5sum']) -> Later: ...  # type: ignore[override]

class FileResult(Result):
    """What `file` gives back.

        path: The path. Returned: state=absent, directory or file.
        dest: The path. Returned: state=touch, hard or link.
        src: What the link points to. Returned: state=link or hard.
        state: What the path is now.
        mode: Its permissions, octal. Returned: not absent.
        uid: Its owner. Returned: not absent.
        gid: Its group. Returned: not absent.
        owner: Its owner's name. Returned: not absent.
        group: Its group's name. Returned: not absent.
        size: Bytes. Returned: not absent.
    """

    path: str
    dest: str
    src: str
    state: str
    mode: str
    uid: int
    gid: int
    owner: str
    group: str
    size: int
    def later(self, field: Literal['path', 'dest', 'src', 'state', 'mode', 'owner', 'group']) -> Later: ...  # type: ignore[override]

class FindResult(Result):
    """What `find` gives back.

        files: What was found, each as `stat` describes it.
        matched: How many.
        examined: How many were looked at.
        skipped_paths: What could not be looked at, and why.
    """

    files: list[Record]
    matched: int
    examined: int
    skipped_paths: Record

class GetUrlResult(Result):
    """What `get_url` gives back.

        dest: The file.
        url: The final URL.
        status_code: HTTP status. Returned: downloaded.
        checksum_src: SHA-1 of what came. Returned: downloaded.
        checksum_dest: SHA-1 of what was there.
        elapsed: Seconds it took.
        size: Its size.
    """

    dest: str
    url: str
    status_code: int
    checksum_src: str
    checksum_dest: str
    elapsed: int
    size: int
    def later(self, field: Literal['dest', 'url', 'checksum_src', 'checksum_dest']) -> Later: ...  # type: ignore[override]

class GetentResult(Result):
    """What `getent` gives back.

        ansible_facts: `getent_DATABASE`: each entry's fields by its name; a list of such lists where one name has several entries.
    """

    ansible_facts: Record

class GitResult(Result):
    """What `git` gives back.

        before: The commit there was; none for a new clone.
        after: The commit there is.
        remote_url_changed: Whether the remote had another address. Returned: changed.
    """

    before: str
    after: str
    remote_url_changed: bool
    def later(self, field: Literal['before', 'after']) -> Later: ...  # type: ignore[override]

class GroupResult(Result):
    """What `group` gives back.

        name: The name.
        gid: The number. Returned: state=present.
        state: The state asked for.
        system: The option. Returned: state=present.
    """

    name: str
    gid: int
    state: str
    system: bool
    def later(self, field: Literal['name', 'state']) -> Later: ...  # type: ignore[override]

class GroupByResult(Result):
    """What `group_by` gives back.

        add_group: The group.
        parent_groups: Its parents.
    """

    add_group: str
    parent_groups: list[str]
    def later(self, field: Literal['add_group']) -> Later: ...  # type: ignore[override]

class GuestResult(Result):
    """What `guest` gives back.

        name: The guest.
        uuid: Its UUID.
        mac: The first network card's address.
        address: Its address, once known. Returned: wait is not none.
        accel: kvm or tcg.
        accel_reason: Why that accelerator.
        effects: Of each changed field: what, before, after, effect (live, next boot, restart, recreation) and loses.
        pending: What waits for a boot: what, running, stored and effect of each.
        pending_restart: Whether anything does.
        rebooted: What it was rebooted for. Returned: reboot=pending.
        kept: Volumes of disks that are no longer declared, left on the host. Returned: there are any.
    """

    name: str
    uuid: str
    mac: str
    address: str
    accel: str
    accel_reason: str
    effects: list[Record]
    pending: list[Record]
    pending_restart: bool
    rebooted: list[Any]
    kept: list[str]
    def later(self, field: Literal['name', 'uuid', 'mac', 'address', 'accel', 'accel_reason']) -> Later: ...  # type: ignore[override]

class GuestBackupResult(Result):
    """What `guest_backup` gives back.

        id: The backup. Returned: there is one.
        full: Whether it is a whole one. Returned: one was taken.
        backups: Ids of all of the guest, oldest first.
    """

    id: str
    full: bool
    backups: list[str]
    def later(self, field: Literal['id']) -> Later: ...  # type: ignore[override]

class GuestMigrateResult(Result):
    """What `guest_migrate` gives back.

        name: The guest.
        on: Where it is.
        live: Whether it ran meanwhile. Returned: changed.
        copied: Disks that were copied. Returned: changed.
    """

    name: str
    on: str
    live: bool
    copied: list[str]
    def later(self, field: Literal['name', 'on']) -> Later: ...  # type: ignore[override]

class GuestPlacementResult(Result):
    """What `guest_placement` gives back.

        placement: Guest -> hypervisor.
        capacity: Hypervisor -> memory, vcpus and disk that were free.
    """

    placement: Record
    capacity: Record

class GuestRolloutResult(Result):
    """What `guest_rollout` gives back.

        id: The image's id.
        replaced: Guests that are of the new image now.
        rolled_back: Those of the bad batch. Returned: failed.
        remaining: Those that were not touched. Returned: failed.
    """

    id: str
    replaced: list[str]
    rolled_back: list[str]
    remaining: list[str]
    def later(self, field: Literal['id']) -> Later: ...  # type: ignore[override]

class GuestSnapshotResult(Result):
    """What `guest_snapshot` gives back.

        name: The snapshot. Returned: there is one.
        created: When, in seconds since the epoch. Returned: it existed before.
        snapshots: Names of all of the guest, oldest first.
    """

    name: str
    created: int
    snapshots: list[str]
    def later(self, field: Literal['name']) -> Later: ...  # type: ignore[override]

class HostnameResult(Result):
    """What `hostname` gives back.

        name: The name.
        ansible_facts: The facts that follow from it.
    """

    name: str
    ansible_facts: Record
    def later(self, field: Literal['name']) -> Later: ...  # type: ignore[override]

class HypervisorResult(Result):
    """What `hypervisor` gives back.

        socket: Where it listens.
        started_by: `systemd`, `fleet`, or empty when it was found running.
    """

    socket: str
    started_by: str
    def later(self, field: Literal['socket', 'started_by']) -> Later: ...  # type: ignore[override]

class HypervisorFactsResult(Result):
    """What `hypervisor_facts` gives back.

        ansible_facts: `hypervisor`: cpu_virtualization (vmx, svm or null), kvm (device, works: true, false or null where nothing proved it, reason), nested, iommu (enabled, groups), hugepages (size_kb, total and free of each size), cpus, numa_nodes, memory_mb (total, available), storage (path, total and free bytes), qemu, libvirt (installed, answers), firmware (uefi, secure_boot), tpm, networking (bridge, vlan, vxlan), device_mapper.
    """

    ansible_facts: Record

class ImageResult(Result):
    """What `image` gives back.

        path: The image's directory, named by its id.
        id: Digest of all it is built of. Returned: present.
        tree: Its root directory. Returned: formats has tree.
        disk: Its disk. Returned: formats has disk, raw or qcow2.
        kernel: Kernel to boot the disk with. Returned: formats has disk.
        initrd: Initrd to boot it with. Returned: formats has disk.
        append: Kernel command line to boot it with. Returned: formats has disk.
        inputs: The same as id. Returned: present.
        source: The host that it was taken from: the source, or one that has had it since. Returned: it was taken from another host.
        through: host: it came directly; controller: through the controller. Returned: it was taken from another host.
    """

    path: str
    id: str
    tree: str
    disk: str
    kernel: str
    initrd: str
    append: str
    inputs: str
    source: str
    through: str
    def later(self, field: Literal['path', 'id', 'tree', 'disk', 'kernel', 'initrd', 'append', 'inputs', 'source', 'through']) -> Later: ...  # type: ignore[override]

class IncludeVarsResult(Result):
    """What `include_vars` gives back.

        ansible_facts: The variables.
        ansible_included_var_files: The files that were read, in order.
    """

    ansible_facts: Record
    ansible_included_var_files: list[str]

class IniFileResult(Result):
    """What `ini_file` gives back.

        path: The file.
        backup_file: The copy. Returned: backup and changed.
    """

    path: str
    backup_file: str
    def later(self, field: Literal['path', 'backup_file']) -> Later: ...  # type: ignore[override]

class IptablesResult(Result):
    """What `iptables` gives back.

        rule: The rule, as its words.
        chain: The chain.
        table: The table.
    """

    rule: str
    chain: str
    table: str
    def later(self, field: Literal['rule', 'chain', 'table']) -> Later: ...  # type: ignore[override]

class KnownHostsResult(Result):
    """What `known_hosts` gives back.

        path: The file.
        name: The host.
    """

    path: str
    name: str
    def later(self, field: Literal['path', 'name']) -> Later: ...  # type: ignore[override]

class LineinfileResult(Result):
    """What `lineinfile` gives back.

        backup: The copy of what was there. Returned: backup and changed.
    """

    backup: str
    def later(self, field: Literal['backup']) -> Later: ...  # type: ignore[override]

class LocaleGenResult(Result):
    """What `locale_gen` gives back.

        mechanism: How it was done: glibc (/etc/locale.gen and locale-gen).
    """

    mechanism: str
    def later(self, field: Literal['mechanism']) -> Later: ...  # type: ignore[override]

class ModprobeResult(Result):
    """What `modprobe` gives back."""


class MountResult(Result):
    """What `mount` gives back.

        backup_file: The copy. Returned: backup and changed.
    """

    backup_file: str
    def later(self, field: Literal['backup_file']) -> Later: ...  # type: ignore[override]

class NetworkResult(Result):
    """What `network` gives back.

        name: The network.
        bridge: Its bridge.
        active: Whether it is running.
        pending: Fields of which the running network has not the declared value yet.
        pending_restart: Whether there are any.
    """

    name: str
    bridge: str
    active: bool
    pending: list[str]
    pending_restart: bool
    def later(self, field: Literal['name', 'bridge']) -> Later: ...  # type: ignore[override]

class NetworkPortResult(Result):
    """What `network_port` gives back.

        changes: What was, or is to be, changed: what, before, after.
    """

    changes: list[Any]

class OwnModuleResult(Result):
    """What `own_module` gives back."""


class PackageResult(Result):
    """What `package` gives back.

        stdout: What the package manager said. Returned: changed.
    """

    stdout: str
    def later(self, field: Literal['stdout']) -> Later: ...  # type: ignore[override]

class PackageFactsResult(Result):
    """What `package_facts` gives back.

        ansible_facts: `packages`: by name a list, one entry an architecture or version, each with name, version, arch, source, and category (apt), or release and epoch (rpm).
    """

    ansible_facts: Record

class PauseResult(Result):
    """What `pause` gives back.

        user_input: What was typed.
        start: When it began.
        stop: When it ended.
        delta: Whole seconds it took.
        stdout: How long it waited, in words.
        echo: The option.
        rc: 0.
    """

    user_input: str
    start: str
    stop: str
    delta: int
    stdout: str
    echo: bool
    rc: int
    def later(self, field: Literal['user_input', 'start', 'stop', 'stdout']) -> Later: ...  # type: ignore[override]

class PingResult(Result):
    """What `ping` gives back.

        ping: The value of `data`.
    """

    ping: str
    def later(self, field: Literal['ping']) -> Later: ...  # type: ignore[override]

class PipResult(Result):
    """What `pip` gives back.

        cmd: What was run, or would be.
        name: The packages.
        version: The option.
        requirements: The file.
        virtualenv: The environment.
        stdout: What pip said. Returned: something was run.
        stderr: What it complained about. Returned: something was run.
    """

    cmd: list[str]
    name: list[str]
    version: str
    requirements: str
    virtualenv: str
    stdout: str
    stderr: str
    def later(self, field: Literal['version', 'requirements', 'virtualenv', 'stdout', 'stderr']) -> Later: ...  # type: ignore[override]

class PoolResult(Result):
    """What `pool` gives back.

        name: The pool.
        path: Where its volumes are.
        active: Whether it is running.
        capacity: Bytes in all. Returned: the pool is active.
        available: Bytes free. Returned: the pool is active.
    """

    name: str
    path: str
    active: bool
    capacity: int
    available: int
    def later(self, field: Literal['name', 'path']) -> Later: ...  # type: ignore[override]

class RawResult(Result):
    """What `raw` gives back.

        rc: The exit status.
        stdout: What it wrote to standard output.
        stderr: What it wrote to standard error.
        stdout_lines: stdout by lines.
        stderr_lines: stderr by lines.
    """

    rc: int
    stdout: str
    stderr: str
    stdout_lines: list[str]
    stderr_lines: list[str]
    def later(self, field: Literal['stdout', 'stderr']) -> Later: ...  # type: ignore[override]

class RebootResult(Result):
    """What `reboot` gives back.

        rebooted: Whether it was rebooted.
        elapsed: Whole seconds until it was back.
    """

    rebooted: bool
    elapsed: int

class ReplaceResult(Result):
    """What `replace` gives back.

        backup: The copy of what was there. Returned: backup and changed.
    """

    backup: str
    def later(self, field: Literal['backup']) -> Later: ...  # type: ignore[override]

class RolloutResult(Result):
    """What `rollout` gives back.

        id: The image's id.
        replaced: Containers that are of the new image now.
        rolled_back: Those of the bad batch. Returned: failed.
        remaining: Those that were not touched. Returned: failed.
    """

    id: str
    replaced: list[str]
    rolled_back: list[str]
    remaining: list[str]
    def later(self, field: Literal['id']) -> Later: ...  # type: ignore[override]

class RpmKeyResult(Result):
    """What `rpm_key` gives back.

        keys: The ids of the keys.
    """

    keys: list[str]

class ScriptResult(Result):
    """What `script` gives back.

        rc: Its exit status.
        stdout: Its output.
        stderr: Its errors.
    """

    rc: int
    stdout: str
    stderr: str
    def later(self, field: Literal['stdout', 'stderr']) -> Later: ...  # type: ignore[override]

class ServiceResult(Result):
    """What `service` gives back.

        name: The service.
        state: Its state. Returned: state given.
        enabled: Whether it is enabled. Returned: enabled given.
        status: The unit's properties. Returned: systemd runs.
    """

    name: str
    state: str
    enabled: bool
    status: Record
    def later(self, field: Literal['name', 'state']) -> Later: ...  # type: ignore[override]

class ServiceFactsResult(Result):
    """What `service_facts` gives back.

        ansible_facts: `services`: by name (with `.service` for a unit) a mapping of name, state (running, stopped, failed, inactive, unknown), status (enabled, disabled, static, masked ...) and source (systemd, sysv, openrc).
    """

    ansible_facts: Record

class SetFactResult(Result):
    """What `set_fact` gives back.

        ansible_facts: What was set.
    """

    ansible_facts: Record

class SetStatsResult(Result):
    """What `set_stats` gives back.

        ansible_stats: data, per_host and aggregate.
    """

    ansible_stats: Record

class SetupResult(Result):
    """What `setup` gives back.

        ansible_facts: The facts, each named ansible_*.
    """

    ansible_facts: Record

class ShellResult(Result):
    """What `shell` gives back.

        cmd: What was run: a list (command), or the text (shell).
        rc: The exit status.
        stdout: What it wrote to standard output.
        stderr: What it wrote to standard error.
        stdout_lines: stdout by lines.
        stderr_lines: stderr by lines.
        start: When it began, in the target's local time.
        end: When it ended.
        delta: How long it took, as H:MM:SS.micros.
    """

    cmd: Any
    rc: int
    stdout: str
    stderr: str
    stdout_lines: list[str]
    stderr_lines: list[str]
    start: str
    end: str
    delta: str
    def later(self, field: Literal['stdout', 'stderr', 'start', 'end', 'delta']) -> Later: ...  # type: ignore[override]

class SlurpResult(Result):
    """What `slurp` gives back.

        content: The content, base64.
        encoding: Always base64.
        source: The file.
    """

    content: str
    encoding: str
    source: str
    def later(self, field: Literal['content', 'encoding', 'source']) -> Later: ...  # type: ignore[override]

class StatResult(Result):
    """What `stat` gives back.

        stat: exists; and if so mode, isdir, isreg, islnk, size, uid, gid, pw_name, gr_name, mtime, checksum and more.
    """

    stat: Record

class SynchronizeResult(Result):
    """What `synchronize` gives back.

        cmd: The command.
        rc: Its exit status.
        stdout_lines: The same, a line each.
    """

    cmd: str
    rc: int
    stdout_lines: list[str]
    def later(self, field: Literal['cmd']) -> Later: ...  # type: ignore[override]

class SysctlResult(Result):
    """What `sysctl` gives back."""


class SystemdResult(Result):
    """What `systemd` gives back.

        name: The unit. Returned: name given.
        state: Its state. Returned: state given.
        enabled: Whether it is enabled. Returned: enabled given.
        status: All properties of the unit, as `systemctl show` has them. Returned: systemd runs.
    """

    name: str
    state: str
    enabled: bool
    status: Record
    def later(self, field: Literal['name', 'state']) -> Later: ...  # type: ignore[override]

class SystemdServiceResult(Result):
    """What `systemd_service` gives back.

        name: The unit. Returned: name given.
        state: Its state. Returned: state given.
        enabled: Whether it is enabled. Returned: enabled given.
        status: All properties of the unit, as `systemctl show` has them. Returned: systemd runs.
    """

    name: str
    state: str
    enabled: bool
    status: Record
    def later(self, field: Literal['name', 'state']) -> Later: ...  # type: ignore[override]

class TempfileResult(Result):
    """What `tempfile` gives back.

        path: What was made. Returned: not check mode.
        mode: As of any file. Returned: not check mode.
        owner: As of any file. Returned: not check mode.
        group: As of any file. Returned: not check mode.
        state: As of any file. Returned: not check mode.
    """

    path: str
    mode: str
    owner: str
    group: str
    state: str
    def later(self, field: Literal['path', 'mode', 'owner', 'group', 'state']) -> Later: ...  # type: ignore[override]

class TemplateResult(Result):
    """What `template` gives back.

        dest: The file written.
        src: Where it came from. Returned: changed.
        checksum: SHA-1 of the content.
        md5sum: MD5 of the content, up to a MiB. Returned: changed.
        backup_file: The copy of what was there. Returned: backup and changed.
        mode: Its mode, octal.
        owner: Its owner.
        group: Its group.
        uid: Its owner's number.
        gid: Its group's number.
        size: Its size.
        state: What it is.
    """

    dest: str
    src: str
    checksum: str
    md5sum: str
    backup_file: str
    mode: str
    owner: str
    group: str
    uid: int
    gid: int
    size: int
    state: str
    def later(self, field: Literal['dest', 'src', 'checksum', 'md5sum', 'backup_file', 'mode', 'owner', 'group', 'state']) -> Later: ...  # type: ignore[override]

class TimezoneResult(Result):
    """What `timezone` gives back."""


class UnarchiveResult(Result):
    """What `unarchive` gives back.

        dest: Where.
        src: From what.
        handler: TarArchive or ZipArchive.
        files: The members. Returned: list_files.
    """

    dest: str
    src: str
    handler: str
    files: list[str]
    def later(self, field: Literal['dest', 'src', 'handler']) -> Later: ...  # type: ignore[override]

class UriResult(Result):
    """What `uri` gives back.

        status: The HTTP status; -1 when none came.
        url: The final URL.
        content: The content. Returned: return_content or failed.
        json: The content, where it is JSON.
        redirected: Whether the final URL is another.
        elapsed: Seconds it took.
        path: The file written. Returned: dest.
        content_type: Each header of the answer, in lower case with _ for -.
    """

    status: int
    url: str
    content: str
    json: Any
    redirected: bool
    elapsed: int
    path: str
    content_type: str
    def later(self, field: Literal['url', 'content', 'path', 'content_type']) -> Later: ...  # type: ignore[override]

class UserResult(Result):
    """What `user` gives back.

        name: The name.
        state: The state asked for.
        uid: The number. Returned: state=present.
        group: The first group's number. Returned: state=present.
        groups: The option, by commas. Returned: groups given.
        append: The option. Returned: groups given.
        home: The home directory. Returned: state=present.
        shell: The shell. Returned: state=present.
        comment: The comment. Returned: state=present.
        create_home: The option. Returned: the account is new.
        system: The option. Returned: the account is new.
        move_home: The option. Returned: the account is not new.
        force: The option. Returned: state=absent.
        remove: The option. Returned: state=absent.
        ssh_key_file: The private key's path. Returned: generate_ssh_key.
        ssh_fingerprint: The key's fingerprint. Returned: generate_ssh_key.
        ssh_public_key: The public key. Returned: generate_ssh_key.
    """

    name: str
    state: str
    uid: int
    group: int
    groups: str
    append: bool
    home: str
    shell: str
    comment: str
    create_home: bool
    system: bool
    move_home: bool
    force: bool
    remove: bool
    ssh_key_file: str
    ssh_fingerprint: str
    ssh_public_key: str
    def later(self, field: Literal['name', 'state', 'groups', 'home', 'shell', 'comment', 'ssh_key_file', 'ssh_fingerprint', 'ssh_public_key']) -> Later: ...  # type: ignore[override]

class ValidateArgumentSpecResult(Result):
    """What `validate_argument_spec` gives back.

        argument_errors: A sentence for each mistake. Returned: failed.
        argument_spec_data: The spec. Returned: failed.
        validate_args_context: The option.
    """

    argument_errors: list[str]
    argument_spec_data: Record
    validate_args_context: Record

class VolumeResult(Result):
    """What `volume` gives back.

        path: The file or device on the hypervisor.
        size: Its capacity in bytes.
        format: Its format. Returned: it exists.
        sha256: Of its content. Returned: with dest.
    """

    path: str
    size: int
    format: str
    sha256: str
    def later(self, field: Literal['path', 'format', 'sha256']) -> Later: ...  # type: ignore[override]

class WaitForResult(Result):
    """What `wait_for` gives back.

        elapsed: Seconds waited.
        state: The state waited for.
        match_groups: The groups of `search_regex`. Returned: search_regex matched.
        match_groupdict: Its named groups. Returned: search_regex matched.
    """

    elapsed: int
    state: str
    match_groups: list[str]
    match_groupdict: Record
    def later(self, field: Literal['state']) -> Later: ...  # type: ignore[override]

class WaitForConnectionResult(Result):
    """What `wait_for_connection` gives back.

        elapsed: Whole seconds it took.
    """

    elapsed: int

class YumRepositoryResult(Result):
    """What `yum_repository` gives back.

        repo: Its id.
        state: The state.
    """

    repo: str
    state: str
    def later(self, field: Literal['repo', 'state']) -> Later: ...  # type: ignore[override]

class Tasks:
    """Every module as a method, which gives the promise of its result."""

    def _task(self, action: str, given: Mapping[str, Any], keywords: Mapping[str, Any]) -> Result: ...

    def accelerator(
        self,
        kernel: str | PathLike[str] | Later,
        *,
        timeout: float = ...,
        **keywords: Unpack[KeywordsButTimeout],
    ) -> AcceleratorResult:
        """Find out by booting a probe guest whether KVM works on a hypervisor.

        Args:
            kernel: A Linux kernel image on the host to boot as the probe.
            timeout: Seconds the probe may take. Default: 10.0.
        """

    def add_host(
        self,
        name: str | Later,
        *,
        groups: Sequence[str | Later] | str | Later = ...,
        **more: Any,
    ) -> AddHostResult:
        """Add a host to the inventory of this run.

        Args:
            name: The host's name, with :PORT where wanted.
            groups: The groups it is to be in.
        """

    def alternatives(
        self,
        name: str | Later,
        *,
        path: str | PathLike[str] | Later = ...,
        link: str | PathLike[str] | Later = ...,
        priority: int = ...,
        state: Literal['absent', 'auto', 'present', 'selected'] = ...,
        subcommands: Sequence[Mapping[str, Any]] | Mapping[str, Any] = ...,
        **keywords: Unpack[Keywords],
    ) -> AlternativesResult:
        """Manage which program a generic name stands for.

        Args:
            name: The generic name: editor, java ...
            path: The program it is to stand for.
            link: The link; needed where the alternative is not known yet.
            priority: The path's priority; 50 for a new one.
            state: selected: the link leads to path; present: path is one of those to choose from; auto: the one of the highest priority is chosen; absent: path is none of them. Default: 'selected'.
            subcommands: Links that follow the main one (slaves): when given, these and no others.
        """

    def apt(
        self,
        name: Sequence[str | Later] | str | Later = ...,
        *,
        state: Literal['absent', 'build-dep', 'fixed', 'latest', 'present'] = ...,
        update_cache: bool = ...,
        update_cache_retries: int = ...,
        update_cache_retry_max_delay: int = ...,
        cache_valid_time: int = ...,
        purge: bool = ...,
        default_release: str | Later = ...,
        install_recommends: bool = ...,
        force: bool = ...,
        clean: bool = ...,
        allow_unauthenticated: bool = ...,
        allow_downgrade: bool = ...,
        allow_change_held_packages: bool = ...,
        upgrade: Literal['dist', 'full', 'no', 'safe', 'yes'] = ...,
        dpkg_options: str | Later = ...,
        deb: str | PathLike[str] | Later = ...,
        autoremove: bool = ...,
        autoclean: bool = ...,
        policy_rc_d: int = ...,
        only_upgrade: bool = ...,
        fail_on_autoremove: bool = ...,
        force_apt_get: bool = ...,
        lock_timeout: int = ...,
        auto_install_module_deps: bool = ...,
        **keywords: Unpack[Keywords],
    ) -> AptResult:
        """Manage Debian packages.

        Args:
            name: Packages: `foo`, `foo=1.2*`, `foo>=1.2`, `foo:arch`, `foo/release`, or a pattern such as `python3-*`.
            state: present, absent, latest; build-dep: what the named source packages need to be built; fixed: mend broken dependencies. Default: 'present'.
            update_cache: Bring the package lists up to date first.
            update_cache_retries: How often a failed update is tried again. Default: 5.
            update_cache_retry_max_delay: Seconds between these tries, at most. Default: 12.
            cache_valid_time: Update the lists only when they are older than this, in seconds. Implies `update_cache`. Default: 0.
            purge: Remove configuration files too. Default: False.
            default_release: The release to prefer.
            install_recommends: Install recommended packages; as apt is configured when not given.
            force: Go on over downgrades, held and essential packages and unsigned repositories. Dangerous. Default: False.
            clean: Empty the cache of downloaded packages. Default: False.
            allow_unauthenticated: Take packages whose origin cannot be verified. Default: False.
            allow_downgrade: Let a version given be older than the installed one. Default: False.
            allow_change_held_packages: Change packages that are on hold. Default: False.
            upgrade: Upgrade everything: yes/safe never removes a package, full/dist may. Default: 'no'.
            dpkg_options: Options of dpkg, by commas. Default: 'force-confdef,force-confold'.
            deb: A .deb file on the target, or its http(s) URL.
            autoremove: Remove packages that were installed as dependencies only and are no longer needed. Default: False.
            autoclean: Remove downloaded packages that can no longer be downloaded. Default: False.
            policy_rc_d: The answer for every service a package would start meanwhile; 101 = do not.
            only_upgrade: Upgrade installed packages, install none. Default: False.
            fail_on_autoremove: Fail rather than remove any package. Default: False.
            force_apt_get: Accepted; apt-get is what is used. Default: False.
            lock_timeout: Seconds to wait for another package manager to finish. Default: 60.
            auto_install_module_deps: Accepted; nothing needs to be installed. Default: True.
        """

    def apt_repository(
        self,
        repo: str | Later,
        *,
        state: Literal['absent', 'present'] = ...,
        filename: str | Later = ...,
        mode: Any = ...,
        update_cache: bool = ...,
        update_cache_retries: int = ...,
        update_cache_retry_max_delay: int = ...,
        install_python_apt: bool = ...,
        **keywords: Unpack[Keywords],
    ) -> AptRepositoryResult:
        """Manage lines of apt's sources.

        Args:
            repo: The line: `deb [options] URI suite component ...`.
            state: Whether it is there. Default: 'present'.
            filename: The file in /etc/apt/sources.list.d for a new line, without .list; named after the URI when not given.
            mode: Mode of a new file. Default: '0644'.
            update_cache: Bring the package lists up to date after a change. Default: True.
            update_cache_retries: How often a failed update is tried again. Default: 5.
            update_cache_retry_max_delay: Seconds between these tries, at most. Default: 12.
            install_python_apt: Accepted: nothing needs to be installed. Default: True.
        """

    def assemble(
        self,
        src: str | PathLike[str] | Later,
        *,
        dest: str | PathLike[str] | Later,
        remote_src: bool = ...,
        delimiter: str | Later = ...,
        regexp: str | Later = ...,
        ignore_hidden: bool = ...,
        backup: bool = ...,
        validate: str | Later = ...,
        decrypt: bool = ...,
        mode: Any = ...,
        owner: str | Later = ...,
        group: str | Later = ...,
        attributes: str | Later = ...,
        seuser: str | Later = ...,
        serole: str | Later = ...,
        setype: str | Later = ...,
        selevel: str | Later = ...,
        unsafe_writes: bool = ...,
        **keywords: Unpack[Keywords],
    ) -> AssembleResult:
        """Put a file together from fragments.

        Args:
            src: The directory of the fragments, taken in the order of their names.
            dest: The file.
            remote_src: src is on the target; else on the controller. Default: True.
            delimiter: A line between fragments; `\\n` is a line end.
            regexp: Take only the fragments whose names match this.
            ignore_hidden: Leave out names that start with a dot. Default: False.
            backup: Keep a copy of what was there. Default: False.
            validate: Command with %s for the new file, which must end with 0 before it is put in place.
            decrypt: Decrypt vault-encrypted fragments of the controller. Default: True.
            mode: Permissions: octal as a string ("0644"), symbolic ("u=rw,g=r") or `preserve` where a source file exists.
            owner: Name or number of the owning user.
            group: Name or number of the owning group.
            attributes: File attributes as chattr takes them.
            seuser: SELinux user; left aside on a target without SELinux, as its role, type and level.
            serole: SELinux role.
            setype: SELinux type.
            selevel: SELinux level.
            unsafe_writes: Write in place where an atomic replace is impossible (a bind-mounted file). Default: False.
        """

    def assert_(
        self,
        that: Any,
        *,
        fail_msg: Any = ...,
        success_msg: Any = ...,
        quiet: bool = ...,
        **keywords: Unpack[Keywords],
    ) -> AssertResult:
        """Fail unless conditions hold.

        Args:
            that: A condition, or a list of them, written as in `when`.
            fail_msg: The message (or list of lines) when one does not hold.
            success_msg: The message when all hold.
            quiet: Say little when all hold. Default: False.
        """

    def async_status(
        self,
        jid: str | Later,
        *,
        mode: Literal['status', 'cleanup'] = ...,
        **keywords: Unpack[Keywords],
    ) -> AsyncStatusResult:
        """See how a task that runs in the background is doing.

        Args:
            jid: The job, as `ansible_job_id` of the task that started it.
            mode: status looks; cleanup removes what is kept of it. Default: 'status'.
        """

    def authorized_key(
        self,
        user: str | Later,
        *,
        key: str | Later,
        path: str | PathLike[str] | Later = ...,
        manage_dir: bool = ...,
        state: Literal['absent', 'present'] = ...,
        key_options: str | Later = ...,
        exclusive: bool = ...,
        comment: str | Later = ...,
        follow: bool = ...,
        **keywords: Unpack[Keywords],
    ) -> AuthorizedKeyResult:
        """Manage a user's authorized SSH keys.

        Args:
            user: The user.
            key: The public key, or several, one a line; `options` before a key are kept.
            path: The file, when it is not ~/.ssh/authorized_keys.
            manage_dir: Create the file's directory and see to its owner and mode. Default: True.
            state: Whether the keys are to be there. Default: 'present'.
            key_options: Options of the key, as sshd(8) has them; they replace those written before the key.
            exclusive: Remove all other keys from the file. Default: False.
            comment: The key's comment, in place of its own.
            follow: Write to what the file points to when it is a symbolic link. Default: False.
        """

    def blockinfile(
        self,
        path: str | PathLike[str] | Later,
        *,
        block: str | Later = ...,
        state: Literal['present', 'absent'] = ...,
        marker: str | Later = ...,
        marker_begin: str | Later = ...,
        marker_end: str | Later = ...,
        insertafter: str | Later = ...,
        insertbefore: str | Later = ...,
        create: bool = ...,
        append_newline: bool = ...,
        prepend_newline: bool = ...,
        backup: bool = ...,
        validate: str | Later = ...,
        encoding: str | Later = ...,
        mode: Any = ...,
        owner: str | Later = ...,
        group: str | Later = ...,
        attributes: str | Later = ...,
        seuser: str | Later = ...,
        serole: str | Later = ...,
        setype: str | Later = ...,
        selevel: str | Later = ...,
        unsafe_writes: bool = ...,
        **keywords: Unpack[Keywords],
    ) -> BlockinfileResult:
        """Make sure that a block of lines between markers is in a text file.

        Args:
            path: The file.
            block: The lines. Default: ''.
            state: present or absent. Default: 'present'.
            marker: The line before and behind the block, with {mark}. Default: '# {mark} ANSIBLE MANAGED BLOCK'.
            marker_begin: What {mark} is before the block. Default: 'BEGIN'.
            marker_end: What {mark} is behind it. Default: 'END'.
            insertafter: EOF or a regular expression: a new block goes behind its last match.
            insertbefore: BOF or a regular expression: a new block goes before its last match.
            create: Make a missing file. Default: False.
            append_newline: An empty line behind the block. Default: False.
            prepend_newline: An empty line before the block. Default: False.
            backup: Keep a copy of what was there. Default: False.
            validate: Command with %s for the new file, which must end with 0 before it is put in place.
            encoding: The file's encoding. Default: 'utf-8'.
            mode: Permissions: octal as a string ("0644"), symbolic ("u=rw,g=r") or `preserve` where a source file exists.
            owner: Name or number of the owning user.
            group: Name or number of the owning group.
            attributes: File attributes as chattr takes them.
            seuser: SELinux user; left aside on a target without SELinux, as its role, type and level.
            serole: SELinux role.
            setype: SELinux type.
            selevel: SELinux level.
            unsafe_writes: Write in place where an atomic replace is impossible (a bind-mounted file). Default: False.
        """

    def command(
        self,
        cmd: str | Later | Sequence[str | Later] = ...,
        *,
        chdir: str | PathLike[str] | Later = ...,
        creates: str | Later = ...,
        removes: str | Later = ...,
        stdin: str | Later = ...,
        stdin_add_newline: bool = ...,
        strip_empty_ends: bool = ...,
        argv: Sequence[str | Later] | str | Later = ...,
        executable: str | PathLike[str] | Later = ...,
        expand_argument_vars: bool = ...,
        **keywords: Unpack[Keywords],
    ) -> CommandResult:
        """Run a command without a shell.

        Args:
            cmd: The command line.
            chdir: Run in this directory.
            creates: Do not run when this path (a glob pattern is allowed) exists.
            removes: Run only when this path (a glob pattern is allowed) exists.
            stdin: What the command reads on its standard input.
            stdin_add_newline: End `stdin` with a newline. Default: True.
            strip_empty_ends: Strip newlines from the end of stdout and stderr. Default: True.
            argv: The command as a list of words, taken as they are.
            executable: Without effect here; `shell` has it. Accepted with a warning for playbooks that still say it.
            expand_argument_vars: Replace $VARIABLES and ~ in the words. Default: True.
        """

    def container(
        self,
        name: str | Later,
        *,
        state: Literal['running', 'present', 'stopped', 'absent'] = ...,
        backend: Literal['chroot', 'nspawn', 'lxc', 'crun'] = ...,
        image: str | PathLike[str] | Later = ...,
        clone: Literal['auto', 'btrfs', 'overlay', 'copy'] = ...,
        command: Sequence[str | Later] | str | Later = ...,
        boot: bool = ...,
        environment: Mapping[str, Any] = ...,
        user: str | Later = ...,
        workdir: str | PathLike[str] | Later = ...,
        restart_policy: Literal['no', 'on-failure', 'always'] = ...,
        health: Mapping[str, Any] = ...,
        autostart: bool = ...,
        timeout: float = ...,
        log_size: int | str = ...,
        binds: Mapping[str, Any] = ...,
        volumes: Mapping[str, Any] = ...,
        purge: bool = ...,
        tmpfs: Sequence[str | PathLike[str] | Later] | str | PathLike[str] | Later = ...,
        devices: Sequence[str | PathLike[str] | Later] | str | PathLike[str] | Later = ...,
        network: Literal['host', 'none'] = ...,
        networks: Sequence[Mapping[str, Any]] | Mapping[str, Any] = ...,
        dns: Sequence[str | Later] | str | Later = ...,
        hostname: str | Later = ...,
        unprivileged: bool = ...,
        cap_add: Sequence[str | Later] | str | Later = ...,
        cap_drop: Sequence[str | Later] | str | Later = ...,
        seccomp: Literal['default', 'unconfined'] = ...,
        no_new_privileges: bool = ...,
        read_only: bool = ...,
        memory: int | str = ...,
        cpus: float = ...,
        cpu_shares: int = ...,
        pids_limit: int = ...,
        device_read_bps: Mapping[str, Any] = ...,
        device_write_bps: Mapping[str, Any] = ...,
        ulimits: Mapping[str, Any] = ...,
        restart: bool = ...,
        recreate: bool = ...,
        **keywords: Unpack[KeywordsButTimeoutButEnvironment],
    ) -> ContainerResult:
        """Declare a container on a host.

        Args:
            name: The container's name.
            state: running: its program runs; present: its root is there; stopped: there and not running; absent: nothing is left but volumes. Default: 'present'.
            backend: chroot needs nothing on the host; nspawn, lxc and crun (OCI) need their programs. Default: 'chroot'.
            image: Directory of an image with a tree, as the `image` module builds it.
            clone: The root: a btrfs snapshot, an overlay on the image, or a copy; auto takes the first that the host can. Default: 'auto'.
            command: The program to run, with its arguments; a string is split as a shell does.
            boot: Run the container's own init instead (nspawn, lxc): a system container. Default: False.
            environment: Environment of its program.
            user: Run the program as this user of the container (USER or USER:GROUP, names or numbers). Default: 'root'.
            workdir: Its working directory. Default: '/'.
            restart_policy: Start its program again when it ends. Default: 'no'.
            health: A check of its health. state: running waits until it is healthy; unhealthy programs are restarted by restart_policy.
            autostart: The host's systemd starts it at boot, without a controller, and stops it at shutdown. Default: False.
            timeout: Seconds its program has to end when it is stopped, and to become healthy. Default: 10.0.
            log_size: The log is turned over at this size; one old log is kept. Default: '10M'.
            binds: Directories or files of the host to show inside: path inside -> path on the host, with `:ro` at its end for read-only.
            volumes: Data that outlives the container: path inside -> name of the volume, with `:ro` for read-only.
            purge: With state=absent: its volumes go too. Default: False.
            tmpfs: Places for a filesystem in memory.
            devices: Devices of the host it may use; inside, their nodes are its root's, with the host's permissions.
            network: host: the host's network; none: a loopback only, unless `networks` gives it interfaces. Default: 'host'.
            networks: Interfaces on bridges of the host, in a network of its own.
            dns: Name servers.
            hostname: Host name inside; by default the container's name.
            unprivileged: Its users, root too, are ordinary numbers on the host, a range of its own. Default: True.
            cap_add: Capabilities its root has beyond the usual ones; `all` for every one.
            cap_drop: Capabilities its root does not have; `all` for none but those of cap_add.
            seccomp: default: system calls that reach the kernel itself are refused. Default: 'default'.
            no_new_privileges: Set-user-id programs gain nothing. Default: False.
            read_only: The root cannot be written; volumes and tmpfs can. Default: False.
            memory: Most memory.
            cpus: Most processor time, in processors.
            cpu_shares: Weight of its processor time, 2 to 262144; 1024 is usual.
            pids_limit: Most processes and threads.
            device_read_bps: Most bytes a second read: block device, or a path on it -> rate.
            device_write_bps: Most bytes a second written.
            ulimits: Resource limits of its processes: name (nofile, nproc ...) -> value or SOFT:HARD.
            restart: Restart it when a change needs that; false leaves such changes pending. Default: True.
            recreate: Make its root anew when a change needs that; what was written in it is lost, volumes are not. Default: False.
        """

    def container_info(
        self,
        name: str | Later = ...,
        *,
        log: int = ...,
        since: int = ...,
        log_id: int = ...,
        **keywords: Unpack[Keywords],
    ) -> ContainerInfoResult:
        """Show a host's containers.

        Args:
            name: Only this one.
            log: Bytes of the end of each log to return. Default: 0.
            since: Return each log from this offset on instead: what log_size was.
            log_id: The file in which `since` counts: what log_id was. A log that was turned over meanwhile is followed.
        """

    def container_snapshot(
        self,
        container: str | Later,
        *,
        name: str | Later,
        state: Literal['present', 'absent', 'rolled_back'] = ...,
        **keywords: Unpack[Keywords],
    ) -> ContainerSnapshotResult:
        """Keep a container's root, or go back to it.

        Args:
            container: The container.
            name: The snapshot's name.
            state: present: taken if there is none of this name; absent: removed; rolled_back: the root is again what it was. Default: 'present'.
        """

    def copy(
        self,
        src: str | PathLike[str] | Later = ...,
        *,
        content: Any = ...,
        dest: str | PathLike[str] | Later,
        backup: bool = ...,
        force: bool = ...,
        remote_src: bool = ...,
        follow: bool = ...,
        local_follow: bool = ...,
        directory_mode: Any = ...,
        validate: str | Later = ...,
        checksum: str | Later = ...,
        decrypt: bool = ...,
        mode: Any = ...,
        owner: str | Later = ...,
        group: str | Later = ...,
        attributes: str | Later = ...,
        seuser: str | Later = ...,
        serole: str | Later = ...,
        setype: str | Later = ...,
        selevel: str | Later = ...,
        unsafe_writes: bool = ...,
        **keywords: Unpack[Keywords],
    ) -> CopyResult:
        """Copy files to remote locations.

        Args:
            src: File or directory: on the controller, or on the target with remote_src. A directory's name with / at its end means what is in it.
            content: The content itself, instead of src; data other than text is written as JSON.
            dest: Where it goes; a directory takes the source's name.
            backup: Keep a copy of what was there. Default: False.
            force: Replace a file that differs; otherwise only a missing file is written. Default: True.
            remote_src: src is on the target. Default: False.
            follow: Write to what a link at dest points to. Default: False.
            local_follow: Follow links in the source. Default: True.
            directory_mode: Mode of directories that are made.
            validate: Command with %s for the new file, which must end with 0 before it is put in place.
            checksum: SHA-1 the source must have.
            decrypt: Decrypt a vault-encrypted source. Default: True.
            mode: Permissions: octal as a string ("0644"), symbolic ("u=rw,g=r") or `preserve` where a source file exists.
            owner: Name or number of the owning user.
            group: Name or number of the owning group.
            attributes: File attributes as chattr takes them.
            seuser: SELinux user; left aside on a target without SELinux, as its role, type and level.
            serole: SELinux role.
            setype: SELinux type.
            selevel: SELinux level.
            unsafe_writes: Write in place where an atomic replace is impossible (a bind-mounted file). Default: False.
        """

    def cron(
        self,
        name: str | Later,
        *,
        state: Literal['absent', 'present'] = ...,
        job: str | Later = ...,
        user: str | Later = ...,
        cron_file: str | PathLike[str] | Later = ...,
        minute: str | Later = ...,
        hour: str | Later = ...,
        day: str | Later = ...,
        month: str | Later = ...,
        weekday: str | Later = ...,
        special_time: Literal['annually', 'daily', 'hourly', 'monthly', 'reboot', 'weekly', 'yearly'] = ...,
        disabled: bool = ...,
        env: bool = ...,
        insertafter: str | Later = ...,
        insertbefore: str | Later = ...,
        backup: bool = ...,
        **keywords: Unpack[Keywords],
    ) -> CronResult:
        """Manage cron's jobs and variables.

        Args:
            name: What the job is known by (a comment above it), or the variable's name.
            state: Whether it is there. Default: 'present'.
            job: The command, or the variable's value.
            user: Whose crontab; with `cron_file`, who runs the job (root when not given).
            cron_file: A file in /etc/cron.d (or an absolute path) in place of a user's crontab.
            minute: 0-59, *, */2 ... Default: '*'.
            hour: 0-23, * ... Default: '*'.
            day: Of the month: 1-31, * ... Default: '*'.
            month: 1-12, JAN-DEC, * ... Default: '*'.
            weekday: 0-6 from Sunday, SUN-SAT, * ... Default: '*'.
            special_time: A word in place of the times.
            disabled: Keep the job as a comment. Default: False.
            env: It is a variable, not a job. Default: False.
            insertafter: Put the variable after this one.
            insertbefore: Put the variable before this one.
            backup: Keep a copy of the crontab as it was. Default: False.
        """

    def deb822_repository(
        self,
        name: str | Later,
        *,
        types: Sequence[Literal['deb', 'deb-src']] | Literal['deb', 'deb-src'] = ...,
        uris: Sequence[str | Later] | str | Later = ...,
        suites: Sequence[str | Later] | str | Later = ...,
        components: Sequence[str | Later] | str | Later = ...,
        architectures: Sequence[str | Later] | str | Later = ...,
        languages: Sequence[str | Later] | str | Later = ...,
        targets: Sequence[str | Later] | str | Later = ...,
        exclude: Sequence[str | Later] | str | Later = ...,
        include: Sequence[str | Later] | str | Later = ...,
        enabled: bool = ...,
        trusted: bool = ...,
        by_hash: bool = ...,
        check_date: bool = ...,
        check_valid_until: bool = ...,
        allow_downgrade_to_insecure: bool = ...,
        allow_insecure: bool = ...,
        allow_weak: bool = ...,
        pdiffs: bool = ...,
        state: Literal['absent', 'present'] = ...,
        signed_by: str | Later = ...,
        date_max_future: int = ...,
        inrelease_path: str | Later = ...,
        mode: Any = ...,
        install_python_debian: bool = ...,
        **keywords: Unpack[Keywords],
    ) -> Deb822RepositoryResult:
        """Manage apt's sources in the format deb822.

        Args:
            name: What it is known by: its X-Repolib-Name, and the name of its file and of its key's.
            types: deb, deb-src. Default: ['deb'].
            uris: The URIs.
            suites: The suites; a path that ends with / for a flat repository.
            components: The components.
            architectures: Only these architectures.
            languages: Only these translations.
            targets: Only these download targets.
            exclude: Packages that are not taken from here.
            include: The only packages that are taken from here.
            enabled: Whether apt uses it.
            trusted: Take it as authenticated (true) or as not (false), whatever its signature.
            by_hash: Fetch indexes by their hash.
            check_date: Trust the machine's clock.
            check_valid_until: Refuse a Release file that is past its date.
            allow_downgrade_to_insecure: Go on when what was authenticated is not any more.
            allow_insecure: Go on with repositories that are not authenticated.
            allow_weak: Go on with weak digests.
            pdiffs: Fetch differences of indexes.
            state: Whether it is there. Default: 'present'.
            signed_by: The key: a URL it is fetched from, a path on the target, the armoured key itself, or fingerprints.
            date_max_future: Seconds that a Release file's date may be ahead.
            inrelease_path: Path of the InRelease file, below the URI.
            mode: Mode of the files. Default: '0644'.
            install_python_debian: Accepted: nothing needs to be installed. Default: False.
        """

    def debconf(
        self,
        name: str | Later,
        *,
        question: str | Later = ...,
        vtype: Literal['boolean', 'error', 'multiselect', 'note', 'password', 'seen', 'select', 'string', 'text', 'title'] = ...,
        value: Any = ...,
        unseen: bool = ...,
        **keywords: Unpack[Keywords],
    ) -> DebconfResult:
        """Answer the questions of Debian packages before they ask.

        Args:
            name: The package.
            question: The question; without one the package's answers are shown.
            vtype: What kind of question it is; `seen` sets only whether it was asked.
            value: The answer; a list for multiselect.
            unseen: Leave the question marked as not asked. Default: False.
        """

    def debug(
        self,
        msg: Any = ...,
        *,
        var: Any = ...,
        verbosity: int = ...,
        **keywords: Unpack[Keywords],
    ) -> DebugResult:
        """Show a message or a variable's value.

        Args:
            msg: What to show. Default: 'Hello world!'.
            var: The name of a variable, or an expression, without braces.
            verbosity: Show it only when at least this many -v were given. Default: 0.
        """

    def dnf(
        self,
        name: Sequence[str | Later] | str | Later = ...,
        *,
        state: Literal['absent', 'installed', 'latest', 'present', 'removed'] = ...,
        autoremove: bool = ...,
        enablerepo: Sequence[str | Later] | str | Later = ...,
        disablerepo: Sequence[str | Later] | str | Later = ...,
        exclude: Sequence[str | Later] | str | Later = ...,
        disable_excludes: str | Later = ...,
        disable_gpg_check: bool = ...,
        update_cache: bool = ...,
        update_only: bool = ...,
        security: bool = ...,
        bugfix: bool = ...,
        allow_downgrade: bool = ...,
        allowerasing: bool = ...,
        best: bool = ...,
        nobest: bool = ...,
        skip_broken: bool = ...,
        cacheonly: bool = ...,
        install_weak_deps: bool = ...,
        install_repoquery: bool = ...,
        conf_file: str | PathLike[str] | Later = ...,
        installroot: str | PathLike[str] | Later = ...,
        releasever: str | Later = ...,
        sslverify: bool = ...,
        disable_plugin: Sequence[str | Later] | str | Later = ...,
        enable_plugin: Sequence[str | Later] | str | Later = ...,
        lock_timeout: int = ...,
        use_backend: Literal['auto', 'dnf', 'dnf4', 'dnf5', 'yum', 'yum3', 'yum4'] = ...,
        **keywords: Unpack[Keywords],
    ) -> DnfResult:
        """Manage RPM packages.

        Args:
            name: Packages: `foo`, `foo-1.2`, `foo >= 1.2`, `@group`, a path or URL of an .rpm file, what a package provides, or a pattern; `*` with state latest is all.
            state: present (or installed), absent (or removed), latest. When not given: absent with autoremove, else present.
            autoremove: Remove packages that were installed as dependencies only and are no longer needed. Default: False.
            enablerepo: Repositories to use beside those that are enabled.
            disablerepo: Repositories not to use.
            exclude: Packages to leave alone.
            disable_excludes: Ignore exclusions of the configuration: all, main, or a repository.
            disable_gpg_check: Take packages without checking their signatures. Dangerous. Default: False.
            update_cache: Bring the repositories' data up to date first; this alone does not count as a change. Default: False.
            update_only: With state latest: upgrade what is installed, install nothing. Default: False.
            security: With state latest: only upgrades that mend a security hole. Default: False.
            bugfix: With state latest: only upgrades that mend a bug. Default: False.
            allow_downgrade: Let a version given be older than the installed one. Default: False.
            allowerasing: Let installed packages be removed to solve dependencies. Default: False.
            best: Fail rather than take another version than the newest.
            nobest: Take an older version where the newest cannot be. Default: False.
            skip_broken: Leave out what cannot be installed. Default: False.
            cacheonly: Use the repositories' data as it is here. Default: False.
            install_weak_deps: Install recommended packages too. Default: True.
            install_repoquery: Accepted; nothing needs to be installed. Default: True.
            conf_file: The configuration of dnf.
            installroot: Another root directory. Default: '/'.
            releasever: The release whose packages are meant.
            sslverify: Check the certificates of repositories. Default: True.
            disable_plugin: Plugins of dnf not to use.
            enable_plugin: Plugins of dnf to use.
            lock_timeout: Seconds to wait for another package manager to finish. Default: 30.
            use_backend: Accepted; the command that is there is used. Default: 'auto'.
        """

    def dpkg_selections(
        self,
        name: str | Later,
        *,
        selection: Literal['install', 'hold', 'deinstall', 'purge'],
        **keywords: Unpack[Keywords],
    ) -> DpkgSelectionsResult:
        """Set what dpkg is to do with a package.

        Args:
            name: The package; `name:architecture` for another architecture's.
            selection: hold keeps it at its version; deinstall and purge are carried out by the next `apt-get dselect-upgrade`.
        """

    def expect(
        self,
        command: str | Later,
        *,
        responses: Mapping[str, Any],
        timeout: int = ...,
        echo: bool = ...,
        chdir: str | PathLike[str] | Later = ...,
        creates: str | PathLike[str] | Later = ...,
        removes: str | PathLike[str] | Later = ...,
        **keywords: Unpack[KeywordsButTimeout],
    ) -> ExpectResult:
        """Run a command at a terminal and answer what it asks.

        Args:
            command: The command; no shell reads it.
            responses: A regular expression for what is asked, and the answer; a list answers one time after the other.
            timeout: Seconds that it may take until the next question, or the end. Default: 30.
            echo: Have the terminal repeat the answers in the output. Default: False.
            chdir: Run in this directory.
            creates: Do not run when this path (a glob pattern is allowed) exists.
            removes: Run only when this path (a glob pattern is allowed) exists.
        """

    def fail(
        self,
        msg: str | Later = ...,
        **keywords: Unpack[Keywords],
    ) -> FailResult:
        """Fail with a message.

        Args:
            msg: Why. Default: 'Failed as requested from task'.
        """

    def fetch(
        self,
        src: str | PathLike[str] | Later,
        *,
        dest: str | PathLike[str] | Later,
        flat: bool = ...,
        fail_on_missing: bool = ...,
        validate_checksum: bool = ...,
        have: str | Later = ...,
        **keywords: Unpack[Keywords],
    ) -> FetchResult:
        """Copy a file from the target to the controller.

        Args:
            src: The file on the target.
            dest: Directory on the controller; the file goes to DEST/HOST/SRC, or with flat to DEST itself.
            flat: dest is the file (or, with / at its end, its directory). Default: False.
            fail_on_missing: A missing file is a failure. Default: True.
            validate_checksum: Compare the checksum of what arrived. Default: True.
            have: Internal: the checksum of the controller's copy, for which nothing is sent.
        """

    def file(
        self,
        path: str | PathLike[str] | Later,
        *,
        mode: Any = ...,
        owner: str | Later = ...,
        group: str | Later = ...,
        attributes: str | Later = ...,
        seuser: str | Later = ...,
        serole: str | Later = ...,
        setype: str | Later = ...,
        selevel: str | Later = ...,
        unsafe_writes: bool = ...,
        state: Literal['absent', 'directory', 'file', 'hard', 'link', 'touch'] = ...,
        src: str | PathLike[str] | Later = ...,
        recurse: bool = ...,
        force: bool = ...,
        follow: bool = ...,
        modification_time: str | Later = ...,
        modification_time_format: str | Later = ...,
        access_time: str | Later = ...,
        access_time_format: str | Later = ...,
        **keywords: Unpack[Keywords],
    ) -> FileResult:
        """Manage files, directories, links and their attributes.

        Args:
            path: The path to manage.
            mode: Permissions: octal as a string ("0644"), symbolic ("u=rw,g=r") or `preserve` where a source file exists.
            owner: Name or number of the owning user.
            group: Name or number of the owning group.
            attributes: File attributes as chattr takes them.
            seuser: SELinux user; left aside on a target without SELinux, as its role, type and level.
            serole: SELinux role.
            setype: SELinux type.
            selevel: SELinux level.
            unsafe_writes: Write in place where an atomic replace is impossible (a bind-mounted file). Default: False.
            state: What it shall be; what it is now (or `file`, or `directory` with `recurse`) when not given. `file` creates nothing: use `touch`, copy or template.
            src: What a link points to. For `link` it may be relative, and is then read from the link's directory.
            recurse: Apply the attributes to everything in the directory too. Default: False.
            force: Make a link to what does not exist (yet), and replace a file or an empty directory by a link. Default: False.
            follow: Apply the attributes to what a link points to, not to the link. Default: True.
            modification_time: `preserve`, `now`, or a time; `now` for `touch`, else `preserve`.
            modification_time_format: How modification_time is written, as strftime says it. Default: '%Y%m%d%H%M.%S'.
            access_time: `preserve`, `now`, or a time; `now` for `touch`, else `preserve`.
            access_time_format: How access_time is written, as strftime says it. Default: '%Y%m%d%H%M.%S'.
        """

    def find(
        self,
        paths: Sequence[str | PathLike[str] | Later] | str | PathLike[str] | Later,
        *,
        patterns: Sequence[str | Later] | str | Later = ...,
        excludes: Sequence[str | Later] | str | Later = ...,
        use_regex: bool = ...,
        contains: str | Later = ...,
        read_whole_file: bool = ...,
        encoding: str | Later = ...,
        file_type: Literal['any', 'directory', 'file', 'link'] = ...,
        recurse: bool = ...,
        depth: int = ...,
        hidden: bool = ...,
        follow: bool = ...,
        age: str | Later = ...,
        age_stamp: Literal['atime', 'ctime', 'mtime'] = ...,
        size: str | Later = ...,
        mode: Any = ...,
        exact_mode: bool = ...,
        get_checksum: bool = ...,
        checksum_algorithm: Literal['md5', 'sha1', 'sha224', 'sha256', 'sha384', 'sha512'] = ...,
        limit: int = ...,
        **keywords: Unpack[Keywords],
    ) -> FindResult:
        """Find files by name, age, size or content.

        Args:
            paths: Directories to look in.
            patterns: Shell patterns of names, or regular expressions with use_regex.
            excludes: Patterns of names to leave out.
            use_regex: patterns and excludes are regular expressions. Default: False.
            contains: Regular expression that a line of the file must match.
            read_whole_file: Search `contains` in the whole text. Default: False.
            encoding: The files' encoding, for contains; the target's own by default.
            file_type: What to find. Default: 'file'.
            recurse: Look in directories below as well. Default: False.
            depth: How deep; 1 is the directory itself.
            hidden: Names that begin with a dot as well. Default: False.
            follow: Follow links to directories. Default: False.
            age: Older than this (2d), or younger with a minus (-2d); s, m, h, d, w.
            age_stamp: Which time counts. Default: 'mtime'.
            size: At least this size (10k), or at most with a minus.
            mode: Permissions they must have.
            exact_mode: Exactly those permissions, or all of them at least. Default: True.
            get_checksum: Compute checksums. Default: False.
            checksum_algorithm: Of which kind. Default: 'sha1'.
            limit: How many at most.
        """

    def get_url(
        self,
        url: str | Later,
        *,
        timeout: float = ...,
        headers: Mapping[str, Any] = ...,
        http_agent: str | Later = ...,
        url_username: str | Later = ...,
        url_password: str | Later = ...,
        force_basic_auth: bool = ...,
        validate_certs: bool = ...,
        client_cert: str | PathLike[str] | Later = ...,
        client_key: str | PathLike[str] | Later = ...,
        ca_path: str | PathLike[str] | Later = ...,
        use_proxy: bool = ...,
        dest: str | PathLike[str] | Later,
        checksum: str | Later = ...,
        force: bool = ...,
        backup: bool = ...,
        tmp_dest: str | PathLike[str] | Later = ...,
        mode: Any = ...,
        owner: str | Later = ...,
        group: str | Later = ...,
        attributes: str | Later = ...,
        seuser: str | Later = ...,
        serole: str | Later = ...,
        setype: str | Later = ...,
        selevel: str | Later = ...,
        unsafe_writes: bool = ...,
        **keywords: Unpack[KeywordsButTimeout],
    ) -> GetUrlResult:
        """Download a file over HTTP, HTTPS or FTP.

        Args:
            url: What to download.
            timeout: Seconds to wait for an answer. Default: 10.0.
            headers: Headers of the request.
            http_agent: User-Agent. Default: 'fleet'.
            url_username: User for basic authentication.
            url_password: Its password.
            force_basic_auth: Accepted: the credentials always go with the first request. Default: False.
            validate_certs: Check certificates. Default: True.
            client_cert: File of the client's certificate, PEM; it may hold the key too.
            client_key: File of its key.
            ca_path: File of certificates to trust instead of the system's.
            use_proxy: Use the environment's proxy. Default: True.
            dest: Where it goes; a directory takes the URL's last part.
            checksum: ALGORITHM:DIGEST, or ALGORITHM:URL of a file of checksums. Default: ''.
            force: Download though the file is there; without it an existing file is only replaced when its checksum is wrong. Default: False.
            backup: Keep a copy of what was there. Default: False.
            tmp_dest: Directory for the download; beside dest by default.
            mode: Permissions: octal as a string ("0644"), symbolic ("u=rw,g=r") or `preserve` where a source file exists.
            owner: Name or number of the owning user.
            group: Name or number of the owning group.
            attributes: File attributes as chattr takes them.
            seuser: SELinux user; left aside on a target without SELinux, as its role, type and level.
            serole: SELinux role.
            setype: SELinux type.
            selevel: SELinux level.
            unsafe_writes: Write in place where an atomic replace is impossible (a bind-mounted file). Default: False.
        """

    def getent(
        self,
        database: str | Later,
        *,
        key: str | Later = ...,
        service: str | Later = ...,
        split: str | Later = ...,
        fail_key: bool = ...,
        **keywords: Unpack[Keywords],
    ) -> GetentResult:
        """Ask the system's databases: passwd, group, hosts, services ....

        Args:
            database: The database.
            key: The entry; all that can be listed when not given. Default: ''.
            service: Ask only this source of the database (files, ldap ...).
            split: What stands between fields; `:` for passwd, shadow, group and gshadow, else white space.
            fail_key: Fail when there is no such entry; else its value is none. Default: True.
        """

    def git(
        self,
        repo: str | Later,
        *,
        dest: str | PathLike[str] | Later,
        version: str | Later = ...,
        remote: str | Later = ...,
        refspec: str | Later = ...,
        force: bool = ...,
        depth: int = ...,
        single_branch: bool = ...,
        clone: bool = ...,
        update: bool = ...,
        bare: bool = ...,
        reference: str | Later = ...,
        separate_git_dir: str | PathLike[str] | Later = ...,
        recursive: bool = ...,
        track_submodules: bool = ...,
        umask: Any = ...,
        executable: str | PathLike[str] | Later = ...,
        key_file: str | PathLike[str] | Later = ...,
        ssh_opts: str | Later = ...,
        accept_hostkey: bool = ...,
        accept_newhostkey: bool = ...,
        verify_commit: bool = ...,
        gpg_allowlist: Sequence[str | Later] | str | Later = ...,
        archive: str | PathLike[str] | Later = ...,
        archive_prefix: str | Later = ...,
        **keywords: Unpack[Keywords],
    ) -> GitResult:
        """Check out a git repository.

        Args:
            repo: Its address: a path, https, ssh, git or file URL, or HOST:PATH.
            dest: Where it is checked out.
            version: A branch, a tag or a full commit number. Default: 'HEAD'.
            remote: The name of the remote. Default: 'origin'.
            refspec: A further refspec to fetch, for a version that no branch or tag holds.
            force: Throw away local changes. Default: False.
            depth: Fetch so many commits only.
            single_branch: Fetch only the branch of `version`. Default: False.
            clone: Clone when there is no checkout. Default: True.
            update: Fetch and switch when there is one. Default: True.
            bare: A repository without a work tree. Default: False.
            reference: A local repository to borrow objects from.
            separate_git_dir: Where the repository itself is kept when not in the checkout.
            recursive: Bring submodules along. Default: True.
            track_submodules: Submodules follow their branches, not the recorded commits. Default: False.
            umask: The umask for what is written, octal.
            executable: The git to use. Default: 'git'.
            key_file: The private SSH key to use, on the target.
            ssh_opts: Options of ssh.
            accept_hostkey: Accept any host key. Prefer accept_newhostkey. Default: False.
            accept_newhostkey: Accept a host key not known so far; a changed one is refused. Default: False.
            verify_commit: The commit or tag must have a good GPG signature. Default: False.
            gpg_allowlist: The fingerprints that may have signed it.
            archive: Also write an archive of the checkout here (.tar, .tar.gz, .tgz or .zip).
            archive_prefix: A prefix for every name in the archive.
        """

    def group(
        self,
        name: str | Later,
        *,
        state: Literal['absent', 'present'] = ...,
        gid: int = ...,
        gid_min: int = ...,
        gid_max: int = ...,
        system: bool = ...,
        local: bool = ...,
        non_unique: bool = ...,
        force: bool = ...,
        **keywords: Unpack[Keywords],
    ) -> GroupResult:
        """Manage groups.

        Args:
            name: The group's name.
            state: Whether it exists. Default: 'present'.
            gid: Its number; chosen when not given.
            gid_min: The least number to choose.
            gid_max: The greatest number to choose.
            system: Create it as a system group. Default: False.
            local: Look at /etc/group only, not at other sources of accounts. Default: False.
            non_unique: Let the number be one that another group has. Default: False.
            force: Delete it even when it is the first group of a user. Default: False.
        """

    def group_by(
        self,
        key: str | Later,
        *,
        parents: Sequence[str | Later] | str | Later = ...,
        **keywords: Unpack[Keywords],
    ) -> GroupByResult:
        """Put the host into a group named by a variable, for later plays.

        Args:
            key: The group's name; spaces become dashes.
            parents: The groups that the group belongs to. Default: ['all'].
        """

    def guest(
        self,
        name: str | Later,
        *,
        state: Literal['running', 'stopped', 'paused', 'suspended', 'defined', 'present', 'absent'] = ...,
        uri: str | Later = ...,
        profiles: Any = ...,
        image: str | PathLike[str] | Later = ...,
        volume: str | Later = ...,
        disk_size: int | str = ...,
        disks: Any = ...,
        pool: str | PathLike[str] | Later = ...,
        memory: int | str = ...,
        max_memory: int | str = ...,
        vcpus: int = ...,
        max_vcpus: int = ...,
        cpu: Any = ...,
        numa: Sequence[Mapping[str, Any]] | Mapping[str, Any] = ...,
        hugepages: bool = ...,
        networks: Any = ...,
        bridges: Sequence[str | Later] | str | Later = ...,
        devices: Literal['virtio', 'emulated'] = ...,
        machine: str | Later = ...,
        firmware: Literal['bios', 'uefi', 'uefi-secure'] = ...,
        boot: Sequence[Literal['disk', 'cdrom', 'network']] | Literal['disk', 'cdrom', 'network'] = ...,
        kernel: str | PathLike[str] | Later = ...,
        initrd: str | PathLike[str] | Later = ...,
        cmdline: str | Later = ...,
        accel: Literal['auto', 'kvm', 'tcg'] = ...,
        tpm: Literal['none', '1.2', '2.0'] = ...,
        rng: bool = ...,
        watchdog: Literal['none', 'reset', 'poweroff', 'pause', 'shutdown'] = ...,
        graphics: Any = ...,
        console: Literal['log', 'pty', 'none'] = ...,
        agent: bool = ...,
        clock: Literal['utc', 'localtime'] = ...,
        pci: Sequence[str | Later] | str | Later = ...,
        usb: Sequence[str | Later] | str | Later = ...,
        description: str | Later = ...,
        xml: str | Later = ...,
        autostart: bool = ...,
        hostname: str | Later = ...,
        authorized_keys: Sequence[str | Later] | str | Later = ...,
        user_data: Any = ...,
        network_config: Any = ...,
        vendor_data: Any = ...,
        ignition: Any = ...,
        unattended: str | Later = ...,
        known_hosts: str | PathLike[str] | Later = ...,
        wait: Literal['none', 'address', 'ssh', 'agent', 'cloud-init'] = ...,
        timeout: float = ...,
        shutdown_timeout: float = ...,
        force: bool = ...,
        reboot: Literal['never', 'pending', 'always'] = ...,
        may_lose: Sequence[str | Later] | str | Later = ...,
        **keywords: Unpack[KeywordsButTimeout],
    ) -> GuestResult:
        """Declare a virtual machine on a hypervisor.

        Args:
            name: The guest's name; its UUID, MAC addresses, instance id and SSH host key follow from it.
            state: running; stopped (shut down); paused; suspended (its memory saved); defined or present (there, running or not); absent (the disks that fleet made go with it). Default: 'running'.
            uri: libvirt on the host; by default the variable fleet_libvirt_uri, else qemu:///system.
            profiles: What the guest is made of, one on top of the other: names of mappings in the variable guest_profiles, or mappings. The task's own options are on top.
            image: Directory of an image on the host, as the `image` module builds it; the guest's disk is a copy-on-write overlay.
            volume: An existing volume as its disk, instead of an image.
            disk_size: Capacity of its disk; by default the image's. It grows in place.
            disks: All its other disks: volumes by path, or mappings of name, size, path, format, device, bus, readonly, cache, serial, bandwidth, protected and backing. One named root says more of its own disk. A disk without a path is made by fleet.
            pool: Directory on the host for its disks and seed. Default: '/var/lib/libvirt/images'.
            memory: Memory; 512M for a new guest.
            max_memory: The most memory it can be given while it runs; by default what it begins with.
            vcpus: Virtual CPUs; 1 for a new guest.
            max_vcpus: The most it can be given while it runs; by default what it begins with.
            cpu: A mode (host-passthrough, host-model, maximum) or model, or a mapping of model, sockets, cores, threads, features, pin, shares and limit.
            numa: Its NUMA nodes, each with cpus, memory, and host (the host's nodes to take it from).
            hugepages: Memory in the host's huge pages.
            networks: All networks it is on, in order: libvirt networks by name, or mappings of network or bridge, mac, model, bandwidth, link and address. An address is reserved in the network, live, and goes with the guest; where nothing serves DHCP it is first-boot data, with gateway and nameservers. A new guest is on `default`.
            bridges: Bridges of the host to be on, after the networks.
            devices: virtio (paravirtual) or emulated, for systems without virtio drivers. Of a new guest; virtio by default.
            machine: Machine type: q35 for a new guest, or pc, or one with a version.
            firmware: Firmware; bios for a new guest.
            boot: What it boots from, in order.
            kernel: A kernel on the host to boot without a loader; by default the image's.
            initrd: Its initrd.
            cmdline: Added to the kernel command line of the image.
            accel: kvm, tcg (emulation), or auto: a probe guest shows whether KVM works when the guest is made.
            tpm: Version of an emulated TPM.
            rng: Random numbers from the host; on for a new guest with virtio devices.
            watchdog: What a watchdog does when the guest hangs.
            graphics: none, vnc or spice, listening on 127.0.0.1, or a mapping of type and listen. A new guest has none.
            console: Serial console; log keeps what it says on the host.
            agent: Channel of the QEMU guest agent; on for a new guest with virtio devices.
            clock: Hardware clock; utc for a new guest (Windows wants localtime).
            pci: All PCI devices of the host it is given, such as 0000:01:00.0.
            usb: All USB devices of the host it is given, as vendor:product.
            description: Free text.
            xml: Raw XML laid over the domain: a <domain> element with what no option says.
            autostart: Start it when libvirtd starts.
            hostname: The guest's host name; by default its name.
            authorized_keys: SSH public keys that may log in as root.
            user_data: cloud-init user data: a mapping merged on top of fleet's own, or a complete text.
            network_config: cloud-init network configuration (version 2), as a mapping.
            vendor_data: cloud-init vendor data: a mapping or a text.
            ignition: Ignition configuration (Fedora CoreOS, Flatcar): a mapping or JSON text, read on a first boot.
            unattended: Answers of Windows' setup (autounattend.xml), on a drive of their own.
            known_hosts: A known_hosts file on the controller to write the guest's host key to, so that strict checking works at once.
            wait: What to wait for once it runs: its address, SSH, the guest agent, or that cloud-init has finished (through SSH or the agent). Default: 'none'.
            timeout: Seconds to wait for that. Default: 180.0.
            shutdown_timeout: Seconds the guest may take to shut down. Default: 60.0.
            force: Pull the plug of a guest that does not shut down in time. Default: False.
            reboot: pending: shut the guest down and start it once when changes wait for that; never: they go on waiting; always. Default: 'never'.
            may_lose: Names of disks whose data the task may destroy: of a protected one when the guest is removed, of `root` when another image means a new disk, of one that is no longer declared.
        """

    def guest_backup(
        self,
        guest: str | Later,
        *,
        dest: str | PathLike[str] | Later,
        state: Literal['present', 'restored', 'verified', 'absent'] = ...,
        id: str | Later = ...,
        every: str | Later = ...,
        incremental: bool = ...,
        quiesce: bool = ...,
        full_every: int = ...,
        keep: int = ...,
        uri: str | Later = ...,
        **keywords: Unpack[Keywords],
    ) -> GuestBackupResult:
        """Back up a guest's disks to files on its hypervisor, and restore them.

        Args:
            guest: The guest.
            dest: The directory on the host; each guest has one in it, and each backup one in that.
            state: present: there is one that is recent enough; restored: the guest's disks are those of the backup `id`; verified: its files are what was written; absent: the backup `id` is not there. Default: 'present'.
            id: Which; for restored and verified by default the newest.
            every: A new one is taken when the newest is older than this (30m, 12h, 1d ...). Default: '1d'.
            incremental: Of a running guest, take only what was written since the last one where QEMU knows it. Default: True.
            quiesce: Have the agent of a running guest freeze its filesystems at that moment; without one that answers it is refused. Default: False.
            full_every: After how many in a chain a whole one is taken again. Default: 7.
            keep: How many to keep, beside those that they build on.
            uri: The libvirt to speak to; by default qemu:///system, or the host's fleet_libvirt_uri.
        """

    def guest_migrate(
        self,
        name: str | Later,
        *,
        to: str | Later,
        address: str | Later = ...,
        storage: Literal['auto', 'shared', 'copy'] = ...,
        bandwidth: int = ...,
        downtime: int = ...,
        unsafe: bool = ...,
        encrypt: bool = ...,
        uri: str | Later = ...,
        **keywords: Unpack[Keywords],
    ) -> GuestMigrateResult:
        """Move a guest to another hypervisor.

        Args:
            name: The guest.
            to: The inventory host it is to be on; the task's host is where it comes from.
            address: Where the target's QEMU is reached from the source's; by default the target's ansible_host.
            storage: shared: both hosts see its disks; copy: they are copied; auto: copied where the target does not see them. Default: 'auto'.
            bandwidth: MiB a second at most.
            downtime: Milliseconds the guest may stand still at the end. Default: 300.
            unsafe: Also with disks on shared storage whose cache mode may lose data in a move. Default: False.
            encrypt: QEMU speaks with QEMU over TLS, memory and disks of a running guest. Where a host has no certificates in /etc/pki/qemu, it is given some, by an authority of the controller's own; others are used as they are. Default: True.
            uri: The libvirt of both hosts; by default qemu:///system, or each host's fleet_libvirt_uri.
        """

    def guest_placement(
        self,
        guests: Sequence[Mapping[str, Any]] | Mapping[str, Any],
        *,
        hosts: str | Later,
        policy: Literal['spread', 'pack'] = ...,
        pool: str | PathLike[str] | Later = ...,
        reserve: int | str = ...,
        cpu_ratio: float = ...,
        memory_ratio: float = ...,
        **keywords: Unpack[Keywords],
    ) -> GuestPlacementResult:
        """Choose hypervisors for guests by what is free on them.

        Args:
            guests: The guests.
            hosts: The hypervisors: a pattern of inventory hosts, such as a group. (A plain `on` is true in YAML; quote it.)
            policy: spread: where most memory is left; pack: where it just fits. Default: 'spread'.
            pool: The directory whose free space counts for disks. Default: '/var/lib/libvirt/images'.
            reserve: Memory of each host that is not given away. Default: '512M'.
            cpu_ratio: Virtual CPUs for one CPU of a host. Default: 8.0.
            memory_ratio: Memory given away for what a host has. Default: 1.0.
        """

    def guest_rollout(
        self,
        image: str | Later,
        *,
        guests: Sequence[str | Later] | str | Later = ...,
        batch: str | Later = ...,
        check: Sequence[str | Later] | str | Later = ...,
        retries: int = ...,
        delay: float = ...,
        rollback: bool = ...,
        store: str | PathLike[str] | Later = ...,
        wait: Literal['none', 'address', 'ssh', 'agent', 'cloud-init'] = ...,
        timeout: float = ...,
        shutdown_timeout: float = ...,
        force: bool = ...,
        uri: str | Later = ...,
        **keywords: Unpack[KeywordsButRetriesButDelayButTimeout],
    ) -> GuestRolloutResult:
        """Replace guests by clones of a newer image, in batches, and stop at the first bad one.

        Args:
            image: The image, by name or id.
            guests: These guests of the host, in this order; by default all that are made of another build of the image.
            batch: How many at a time: a number, or a share such as 25%. Default: '1'.
            check: A command that is run in each new guest; status 0 is well.
            retries: How often it is tried. Default: 10.
            delay: Seconds between tries. Default: 1.0.
            rollback: Make the guests of a bad batch what they were, of the image they had. Default: True.
            store: Directory of the host's images. Default: '/var/lib/fleet/images'.
            wait: What must be reached of each new guest before the next batch, as the `guest` module waits for it. Default: 'agent'.
            timeout: Seconds it may take. Default: 180.0.
            shutdown_timeout: Seconds a guest may take to shut down. Default: 60.0.
            force: Pull the plug of one that does not shut down in time. Default: False.
            uri: libvirt on the host; by default the variable fleet_libvirt_uri, else qemu:///system.
        """

    def guest_snapshot(
        self,
        guest: str | Later,
        *,
        name: str | Later = ...,
        state: Literal['present', 'reverted', 'absent'] = ...,
        kind: Literal['internal', 'external'] = ...,
        memory: bool = ...,
        quiesce: bool = ...,
        description: str | Later = ...,
        series: str | Later = ...,
        every: str | Later = ...,
        keep: int = ...,
        max_age: str | Later = ...,
        uri: str | Later = ...,
        **keywords: Unpack[Keywords],
    ) -> GuestSnapshotResult:
        """Take, revert to and remove snapshots of a guest.

        Args:
            guest: The guest.
            name: The snapshot's name. With `series` it is made from that and the time.
            state: present: there is one of that name, or a recent one of the series; reverted: the guest is as it was then; absent. Default: 'present'.
            kind: internal: in the disks' qcow2 files; external: an overlay on each disk from then on, in a file beside it. Default: 'internal'.
            memory: With a running guest's memory; by default internal ones have it, external ones have not.
            quiesce: Have the agent of a running guest freeze its filesystems meanwhile (external, without memory); without one that answers it is refused. Default: False.
            description: Kept with it.
            series: The beginning of the names of snapshots that are taken again and again; `every`, `keep` and `max_age` are about these.
            every: A new one of the series is taken when the newest is older than this (30m, 12h, 1d ...). Default: '1d'.
            keep: How many of the series to keep.
            max_age: Remove those of the series that are older (7d, 4w ...); the newest always stays.
            uri: The libvirt to speak to; by default qemu:///system, or the host's fleet_libvirt_uri.
        """

    def hostname(
        self,
        name: str | Later,
        *,
        use: Literal['alpine', 'debian', 'generic', 'redhat', 'systemd'] = ...,
        **keywords: Unpack[Keywords],
    ) -> HostnameResult:
        """Set the target's name.

        Args:
            name: The name.
            use: How the system keeps it; found out when not given. All of these keep it in /etc/hostname.
        """

    def hypervisor(
        self,
        state: Literal['running'] = ...,
        *,
        socket: str | PathLike[str] | Later = ...,
        timeout: float = ...,
        **keywords: Unpack[KeywordsButTimeout],
    ) -> HypervisorResult:
        """Make sure that libvirtd answers on a host.

        Args:
            state: running: libvirtd answers, now. Default: 'running'.
            socket: Where it listens. Default: '/run/libvirt/libvirt-sock'.
            timeout: Seconds it may take to answer. Default: 30.0.
        """

    def hypervisor_facts(
        self,
        kernel: str | PathLike[str] | Later = ...,
        *,
        timeout: float = ...,
        paths: Sequence[str | PathLike[str] | Later] | str | PathLike[str] | Later = ...,
        **keywords: Unpack[KeywordsButTimeout],
    ) -> HypervisorFactsResult:
        """Gather what a host can do as a hypervisor.

        Args:
            kernel: A Linux kernel image on the host. With it a probe guest proves whether KVM works; without, only an earlier proof counts.
            timeout: Seconds the probe may take. Default: 10.0.
            paths: Directories whose free space is told. Default: ['/var/lib/libvirt/images'].
        """

    def image(
        self,
        name: str | Later = ...,
        *,
        recipe: str | PathLike[str] | Later = ...,
        base: Any = ...,
        suite: str | Later = ...,
        packages: Sequence[str | Later] | str | Later = ...,
        mirror: str | Later = ...,
        roles: Any = ...,
        vars: Mapping[str, Any] = ...,
        formats: Sequence[str | Later] | str | Later = ...,
        size: int | str = ...,
        source: str | Later = ...,
        store: str | PathLike[str] | Later = ...,
        path: str | PathLike[str] | Later = ...,
        boot: bool = ...,
        state: Literal['present', 'absent', 'verified'] = ...,
        **keywords: Unpack[KeywordsButVars],
    ) -> ImageResult:
        """Build an image on a host, once, of a base and roles.

        Args:
            name: The image's name; by default the recipe's.
            recipe: A recipe file on the controller: see docs/images.md. The other options are added to it.
            base: What it is made of: {debian: SUITE}, {tar: FILE}, {oci: DIRECTORY}, {disk: FILE}, or another image's name.
            suite: Debian suite, when no base is given. Default: 'bookworm'.
            packages: Packages of the Debian base, beside those the formats need.
            mirror: Debian mirror; by default the one mmdebstrap knows.
            roles: Roles applied to it, each a layer, as a play's `roles`.
            vars: Variables of the image, as of a host; -e does not change them.
            formats: tree: a root for containers; tar, squashfs; oci: an OCI image layout; disk: a disk with its kernel and initrd, for guests; raw, qcow2: a disk that boots by itself, by BIOS and by UEFI.
            size: Capacity of disks.
            source: A host of the inventory that has the image: it is taken from there, not built.
            store: Directory of the host's images. Default: '/var/lib/fleet/images'.
            path: The image's directory, in place of store and name.
            boot: With `verified`, boot a guest of the image on the host, which needs libvirt, and apply the steps there. Default: False.
            state: present; absent takes the name away, and the image itself once nothing uses it; verified proves that it is as it was sealed, and that applying its steps again changes nothing. Default: 'present'.
        """

    def include_vars(
        self,
        file: str | PathLike[str] | Later,
        *,
        dir: str | PathLike[str] | Later = ...,
        depth: int = ...,
        files_matching: str | Later = ...,
        ignore_files: Sequence[str | Later] | str | Later = ...,
        extensions: Sequence[str | Later] | str | Later = ...,
        ignore_unknown_extensions: bool = ...,
        name: str | Later = ...,
        hash_behaviour: Literal['replace', 'merge'] = ...,
        **keywords: Unpack[Keywords],
    ) -> IncludeVarsResult:
        """Load variables from files.

        Args:
            file: The file: in `vars/` of the role or beside the playbook, or absolute.
            dir: A directory; its files are loaded in order of their names.
            depth: How many levels of directories are read; 0 means all. Default: 0.
            files_matching: Read only files whose name holds a match of this regular expression.
            ignore_files: File names (regular expressions of the whole end of a name) that are not read.
            extensions: Read only files with these extensions. Default: ['yaml', 'yml', 'json'].
            ignore_unknown_extensions: Pass over files with other extensions instead of failing. Default: False.
            name: Put the variables into one variable of this name.
            hash_behaviour: Replace variables there are, or merge mappings.
        """

    def ini_file(
        self,
        path: str | PathLike[str] | Later,
        *,
        section: str | Later = ...,
        section_has_values: Sequence[Mapping[str, Any]] | Mapping[str, Any] = ...,
        option: str | Later = ...,
        value: str | Later = ...,
        values: Sequence[str | Later] | str | Later = ...,
        state: Literal['absent', 'present'] = ...,
        exclusive: bool = ...,
        no_extra_spaces: bool = ...,
        ignore_spaces: bool = ...,
        allow_no_value: bool = ...,
        modify_inactive_option: bool = ...,
        create: bool = ...,
        backup: bool = ...,
        follow: bool = ...,
        mode: Any = ...,
        owner: str | Later = ...,
        group: str | Later = ...,
        attributes: str | Later = ...,
        seuser: str | Later = ...,
        serole: str | Later = ...,
        setype: str | Later = ...,
        selevel: str | Later = ...,
        unsafe_writes: bool = ...,
        **keywords: Unpack[Keywords],
    ) -> IniFileResult:
        """Manage sections and options of files in INI style.

        Args:
            path: The file.
            section: The section; what stands before the first one when not given.
            section_has_values: Of several sections of that name take the first that has all of these.
            option: The option; the section as a whole when not given.
            value: Its value.
            values: Its values, a line each.
            state: present or absent. Default: 'present'.
            exclusive: The option has these values and no other; else these are added to, or removed from, those that are there. Default: True.
            no_extra_spaces: Write `option=value`. Default: False.
            ignore_spaces: Leave a line that differs only in spaces around the `=`. Default: False.
            allow_no_value: The option may stand alone, without `=`. Default: False.
            modify_inactive_option: A line that is commented out is put into use, in its place. Default: True.
            create: Make a missing file. Default: True.
            backup: Keep a copy of what was there. Default: False.
            follow: Where path is a link, edit what it leads to; else the link becomes a file. Default: False.
            mode: Permissions: octal as a string ("0644"), symbolic ("u=rw,g=r") or `preserve` where a source file exists.
            owner: Name or number of the owning user.
            group: Name or number of the owning group.
            attributes: File attributes as chattr takes them.
            seuser: SELinux user; left aside on a target without SELinux, as its role, type and level.
            serole: SELinux role.
            setype: SELinux type.
            selevel: SELinux level.
            unsafe_writes: Write in place where an atomic replace is impossible (a bind-mounted file). Default: False.
        """

    def iptables(
        self,
        chain: str | Later = ...,
        *,
        table: Literal['filter', 'nat', 'mangle', 'raw', 'security'] = ...,
        state: Literal['absent', 'present'] = ...,
        action: Literal['append', 'insert'] = ...,
        rule_num: str | Later = ...,
        ip_version: Literal['ipv4', 'ipv6', 'both'] = ...,
        protocol: str | Later = ...,
        source: str | Later = ...,
        destination: str | Later = ...,
        in_interface: str | Later = ...,
        out_interface: str | Later = ...,
        source_port: str | Later = ...,
        destination_port: str | Later = ...,
        destination_ports: Sequence[str | Later] | str | Later = ...,
        match: Sequence[str | Later] | str | Later = ...,
        ctstate: Sequence[str | Later] | str | Later = ...,
        jump: str | Later = ...,
        goto: str | Later = ...,
        reject_with: str | Later = ...,
        log_prefix: str | Later = ...,
        log_level: Literal['0', '1', '2', '3', '4', '5', '6', '7', 'emerg', 'alert', 'crit', 'error', 'warning', 'notice', 'info', 'debug'] = ...,
        to_destination: str | Later = ...,
        to_source: str | Later = ...,
        to_ports: str | Later = ...,
        gateway: str | Later = ...,
        set_dscp_mark: str | Later = ...,
        set_dscp_mark_class: str | Later = ...,
        tcp_flags: Mapping[str, Any] = ...,
        syn: Literal['ignore', 'match', 'negate'] = ...,
        fragment: str | Later = ...,
        set_counters: str | Later = ...,
        icmp_type: str | Later = ...,
        src_range: str | Later = ...,
        dst_range: str | Later = ...,
        match_set: str | Later = ...,
        match_set_flags: Literal['src', 'dst', 'src,dst', 'dst,src', 'src,src', 'dst,dst'] = ...,
        limit: str | Later = ...,
        limit_burst: str | Later = ...,
        uid_owner: str | Later = ...,
        gid_owner: str | Later = ...,
        comment: str | Later = ...,
        policy: Literal['ACCEPT', 'DROP', 'QUEUE', 'RETURN'] = ...,
        flush: bool = ...,
        chain_management: bool = ...,
        wait: str | Later = ...,
        numeric: bool = ...,
        **keywords: Unpack[Keywords],
    ) -> IptablesResult:
        """Manage rules of iptables.

        Args:
            chain: The chain: INPUT, FORWARD, OUTPUT ..., or one's own.
            table: The table. Default: 'filter'.
            state: Whether the rule is there. Default: 'present'.
            action: Where a new rule goes: to the end or to the top. One that is there stays where it is. Default: 'append'.
            rule_num: With insert: the place of a new rule, counted from 1.
            ip_version: Which IP. Default: 'ipv4'.
            protocol: tcp, udp, icmp, all ...; with `!` in front: any other.
            source: Address or network, with `!` in front any other.
            destination: Address or network.
            in_interface: Interface that it came by.
            out_interface: Interface that it goes by.
            source_port: Port or range, as 80 or 8000:8010; needs protocol.
            destination_port: Port or range; needs protocol.
            destination_ports: Several ports and ranges (multiport).
            match: Extensions to load.
            ctstate: States of connections: NEW, ESTABLISHED, RELATED ...
            jump: What to do with the packet: ACCEPT, DROP, a chain ...
            goto: Go on in this chain, and do not come back.
            reject_with: How to refuse; implies `jump: REJECT`.
            log_prefix: Text in front of the log's line.
            log_level: Level of the log's line.
            to_destination: With DNAT.
            to_source: With SNAT.
            to_ports: With REDIRECT and MASQUERADE.
            gateway: With TEE: where the copy goes.
            set_dscp_mark: With DSCP: the mark.
            set_dscp_mark_class: With DSCP: the class.
            tcp_flags: `flags`: those looked at, `flags_set`: those that are set.
            syn: Packets that begin a connection of TCP. Default: 'ignore'.
            fragment: Text `-f` or `! -f`: later fragments only, or none of them.
            set_counters: Packets and bytes, by a comma.
            icmp_type: Type of ICMP.
            src_range: Source addresses from-to.
            dst_range: Destination addresses from-to.
            match_set: A set of ipset.
            match_set_flags: src, dst; several by commas.
            limit: How often it matches: 10/minute.
            limit_burst: How often at once.
            uid_owner: User who sends it.
            gid_owner: Group that sends it.
            comment: A comment on the rule.
            policy: What becomes of packets that no rule of the chain matches.
            flush: Take all rules of the chain, or of the table, away. Default: False.
            chain_management: Make the chain when it is not there; with absent and no rule, take it away when it is empty. Default: False.
            wait: Seconds to wait for the lock of another iptables.
            numeric: Accepted: names of hosts and services are never looked up to compare. Default: False.
        """

    def known_hosts(
        self,
        name: str | Later,
        *,
        key: str | Later = ...,
        path: str | PathLike[str] | Later = ...,
        hash_host: bool = ...,
        state: Literal['absent', 'present'] = ...,
        **keywords: Unpack[Keywords],
    ) -> KnownHostsResult:
        """Manage the host keys that SSH trusts.

        Args:
            name: The host, as ssh is given it; `[host]:port` for a port other than 22.
            key: The line, or lines, as known_hosts has them: `host type key`. Lines of comments are passed over.
            path: The file. Default: '~/.ssh/known_hosts'.
            hash_host: Write the name as a hash. Default: False.
            state: absent without a key takes all keys of the host away. Default: 'present'.
        """

    def lineinfile(
        self,
        path: str | PathLike[str] | Later,
        *,
        line: str | Later = ...,
        state: Literal['present', 'absent'] = ...,
        regexp: str | Later = ...,
        search_string: str | Later = ...,
        backrefs: bool = ...,
        insertafter: str | Later = ...,
        insertbefore: str | Later = ...,
        create: bool = ...,
        firstmatch: bool = ...,
        others: str | Later = ...,
        backup: bool = ...,
        validate: str | Later = ...,
        encoding: str | Later = ...,
        mode: Any = ...,
        owner: str | Later = ...,
        group: str | Later = ...,
        attributes: str | Later = ...,
        seuser: str | Later = ...,
        serole: str | Later = ...,
        setype: str | Later = ...,
        selevel: str | Later = ...,
        unsafe_writes: bool = ...,
        **keywords: Unpack[Keywords],
    ) -> LineinfileResult:
        """Make sure that a line is in a text file, or is not.

        Args:
            path: The file.
            line: The line.
            state: present or absent. Default: 'present'.
            regexp: Matches the line to replace or to remove (the last one that matches is replaced).
            search_string: Literal text of the line to replace or remove.
            backrefs: `line` may use groups of regexp; without a match nothing is done. Default: False.
            insertafter: EOF or a regular expression: a new line goes behind its last match.
            insertbefore: BOF or a regular expression: a new line goes before its last match.
            create: Make a missing file. Default: False.
            firstmatch: insertafter and insertbefore take the first match. Default: False.
            others: Ignored; kept for old playbooks.
            backup: Keep a copy of what was there. Default: False.
            validate: Command with %s for the new file, which must end with 0 before it is put in place.
            encoding: The file's encoding. Default: 'utf-8'.
            mode: Permissions: octal as a string ("0644"), symbolic ("u=rw,g=r") or `preserve` where a source file exists.
            owner: Name or number of the owning user.
            group: Name or number of the owning group.
            attributes: File attributes as chattr takes them.
            seuser: SELinux user; left aside on a target without SELinux, as its role, type and level.
            serole: SELinux role.
            setype: SELinux type.
            selevel: SELinux level.
            unsafe_writes: Write in place where an atomic replace is impossible (a bind-mounted file). Default: False.
        """

    def locale_gen(
        self,
        name: Sequence[str | Later] | str | Later,
        *,
        state: Literal['absent', 'present'] = ...,
        **keywords: Unpack[Keywords],
    ) -> LocaleGenResult:
        """Generate locales.

        Args:
            name: Locales: `de_DE.UTF-8`, `pt_BR.UTF-8` ...
            state: Whether they are there. Default: 'present'.
        """

    def modprobe(
        self,
        name: str | Later,
        *,
        state: Literal['absent', 'present'] = ...,
        params: str | Later = ...,
        persistent: Literal['absent', 'disabled', 'present'] = ...,
        **keywords: Unpack[Keywords],
    ) -> ModprobeResult:
        """Load and unload modules of the kernel.

        Args:
            name: The module.
            state: Whether it is loaded. Default: 'present'.
            params: Its parameters, when it is loaded: `numdummies=2`. Default: ''.
            persistent: present: also at each boot, with these parameters; absent: not at boot; disabled: that is not looked at. Default: 'disabled'.
        """

    def mount(
        self,
        path: str | PathLike[str] | Later,
        *,
        state: Literal['absent', 'absent_from_fstab', 'ephemeral', 'mounted', 'present', 'remounted', 'unmounted'],
        src: str | Later = ...,
        fstype: str | Later = ...,
        opts: str | Later = ...,
        opts_no_log: bool = ...,
        dump: str | Later = ...,
        passno: str | Later = ...,
        boot: bool = ...,
        fstab: str | PathLike[str] | Later = ...,
        backup: bool = ...,
        **keywords: Unpack[Keywords],
    ) -> MountResult:
        """Manage mounted filesystems and /etc/fstab.

        Args:
            path: The mount point.
            state: present: in fstab; mounted: there and mounted; ephemeral: mounted, fstab is not looked at; unmounted: not mounted, fstab stays; remounted: mounted anew, always; absent: neither, and the mount point is removed; absent_from_fstab: not in fstab.
            src: What is mounted: a device, UUID=, a directory, host:/export ...
            fstype: The filesystem's type.
            opts: Mount options, by commas; `defaults` when not given.
            opts_no_log: Keep the options out of the diff, the result and messages. Default: False.
            dump: fstab's fifth field. Default: '0'.
            passno: fstab's sixth field. Default: '0'.
            boot: Mount it when the system starts; false adds noauto. Default: True.
            fstab: The file; it is made when missing. Default: '/etc/fstab'.
            backup: Keep a copy of the file as it was. Default: False.
        """

    def network(
        self,
        name: str | Later,
        *,
        state: Literal['running', 'present', 'stopped', 'absent'] = ...,
        forward: Literal['nat', 'route', 'open', 'none', 'isolated', 'bridge'] = ...,
        bridge: str | Later = ...,
        address: str | Later = ...,
        dhcp: Sequence[str | Later] | str | Later = ...,
        reservations: Mapping[str, Any] = ...,
        domain: str | Later = ...,
        dns: Mapping[str, Any] = ...,
        mtu: int = ...,
        vxlan: Mapping[str, Any] = ...,
        uplink: str | Later = ...,
        vlan: int = ...,
        autostart: bool = ...,
        restart: bool = ...,
        force: bool = ...,
        uri: str | Later = ...,
        **keywords: Unpack[Keywords],
    ) -> NetworkResult:
        """Declare a libvirt network on a hypervisor.

        Args:
            name: The network's name.
            state: running: defined and active; present: defined; stopped: defined and not active; absent: removed. Default: 'running'.
            forward: How guests reach the world: nat; route, without translation; open, as the host's firewall has it; isolated (or none), not at all; bridge, by an existing bridge of the host. Default: 'nat'.
            bridge: The bridge's name; by default made from the network's name.
            address: The host's own address on it, with its prefix: 192.168.150.1/24.
            dhcp: First and last address to lease.
            reservations: Guest name -> the fixed address of its first interface, or {address, nic: its number} or {address, mac}; all of them beside those that guests declare themselves.
            domain: DNS domain of the network's guests.
            dns: Further DNS names the network's server answers for -> their address.
            mtu: MTU of the bridge and of guests' interfaces.
            vxlan: Join the networks of several hosts: those with the same `id` are one.
            uplink: An interface of the host to put on the bridge, without an address of its own; with `vlan`, its VLAN only.
            vlan: VLAN tag that the network's frames carry on `uplink`.
            autostart: Start it when libvirtd starts. Default: True.
            restart: Restart a running network where a change needs it, and put its guests' interfaces back on it; they are cut off for about a second. Default: False.
            force: Stop or remove it although guests are on it. Default: False.
            uri: The libvirt to speak to; by default qemu:///system, or the host's fleet_libvirt_uri.
        """

    def network_port(
        self,
        network: str | Later,
        *,
        bridge: str | Later,
        vxlan: Mapping[str, Any] = ...,
        uplink: str | Later = ...,
        vlan: int = ...,
        mtu: int = ...,
        state: Literal['present', 'stopped', 'absent'] = ...,
        **keywords: Unpack[Keywords],
    ) -> NetworkPortResult:
        """Put a VXLAN, a NIC or a VLAN on a network's bridge.

        Args:
            network: The network's name.
            bridge: Its bridge.
            vxlan: id, peers, port.
            uplink: A NIC.
            vlan: One VLAN of the NIC.
            mtu: MTU of a VXLAN or VLAN.
            state: present; stopped: only prepared; absent. Default: 'present'.
        """

    def own_module(
        self,
        file: str | Later,
        *,
        options: Mapping[str, Any] = ...,
        **keywords: Unpack[Keywords],
    ) -> OwnModuleResult:
        """Run a module of your own, written as for Ansible.

        Args:
            file: The module's file on the controller: a path, or a name in library/ of the role or beside the playbook.
            options: Its options.
        """

    def package(
        self,
        name: Sequence[str | Later] | str | Later,
        *,
        state: str | Later,
        use: str | Later = ...,
        update_cache: bool = ...,
        update_cache_retries: int = ...,
        update_cache_retry_max_delay: int = ...,
        cache_valid_time: int = ...,
        purge: bool = ...,
        default_release: str | Later = ...,
        install_recommends: bool = ...,
        force: bool = ...,
        clean: bool = ...,
        allow_unauthenticated: bool = ...,
        allow_downgrade: bool = ...,
        allow_change_held_packages: bool = ...,
        upgrade: str | Later = ...,
        dpkg_options: str | Later = ...,
        deb: str | PathLike[str] | Later = ...,
        autoremove: bool = ...,
        autoclean: bool = ...,
        policy_rc_d: int = ...,
        only_upgrade: bool = ...,
        fail_on_autoremove: bool = ...,
        force_apt_get: bool = ...,
        lock_timeout: int = ...,
        auto_install_module_deps: bool = ...,
        enablerepo: Sequence[str | Later] | str | Later = ...,
        disablerepo: Sequence[str | Later] | str | Later = ...,
        exclude: Sequence[str | Later] | str | Later = ...,
        disable_excludes: str | Later = ...,
        disable_gpg_check: bool = ...,
        update_only: bool = ...,
        security: bool = ...,
        bugfix: bool = ...,
        allowerasing: bool = ...,
        best: bool = ...,
        nobest: bool = ...,
        skip_broken: bool = ...,
        cacheonly: bool = ...,
        install_weak_deps: bool = ...,
        install_repoquery: bool = ...,
        conf_file: str | PathLike[str] | Later = ...,
        installroot: str | PathLike[str] | Later = ...,
        releasever: str | Later = ...,
        sslverify: bool = ...,
        disable_plugin: Sequence[str | Later] | str | Later = ...,
        enable_plugin: Sequence[str | Later] | str | Later = ...,
        **keywords: Unpack[Keywords],
    ) -> PackageResult:
        """Manage packages with the target's package manager.

        Args:
            name: The packages.
            state: present, absent or latest.
            use: The package manager; found out when not given. Default: 'auto'.
            update_cache: Bring the repositories' data up to date first; this alone does not count as a change.
            update_cache_retries: apt: How often a failed update is tried again.
            update_cache_retry_max_delay: apt: Seconds between these tries, at most.
            cache_valid_time: apt: Update the lists only when they are older than this, in seconds. Implies `update_cache`.
            purge: apt: Remove configuration files too.
            default_release: apt: The release to prefer.
            install_recommends: apt: Install recommended packages; as apt is configured when not given.
            force: apt: Go on over downgrades, held and essential packages and unsigned repositories. Dangerous.
            clean: apt: Empty the cache of downloaded packages.
            allow_unauthenticated: apt: Take packages whose origin cannot be verified.
            allow_downgrade: Let a version given be older than the installed one.
            allow_change_held_packages: apt: Change packages that are on hold.
            upgrade: apt: Upgrade everything: yes/safe never removes a package, full/dist may.
            dpkg_options: apt: Options of dpkg, by commas.
            deb: apt: A .deb file on the target, or its http(s) URL.
            autoremove: Remove packages that were installed as dependencies only and are no longer needed.
            autoclean: apt: Remove downloaded packages that can no longer be downloaded.
            policy_rc_d: apt: The answer for every service a package would start meanwhile; 101 = do not.
            only_upgrade: apt: Upgrade installed packages, install none.
            fail_on_autoremove: apt: Fail rather than remove any package.
            force_apt_get: apt: Accepted; apt-get is what is used.
            lock_timeout: Seconds to wait for another package manager to finish.
            auto_install_module_deps: apt: Accepted; nothing needs to be installed.
            enablerepo: dnf: Repositories to use beside those that are enabled.
            disablerepo: dnf: Repositories not to use.
            exclude: dnf: Packages to leave alone.
            disable_excludes: dnf: Ignore exclusions of the configuration: all, main, or a repository.
            disable_gpg_check: dnf: Take packages without checking their signatures. Dangerous.
            update_only: dnf: With state latest: upgrade what is installed, install nothing.
            security: dnf: With state latest: only upgrades that mend a security hole.
            bugfix: dnf: With state latest: only upgrades that mend a bug.
            allowerasing: dnf: Let installed packages be removed to solve dependencies.
            best: dnf: Fail rather than take another version than the newest.
            nobest: dnf: Take an older version where the newest cannot be.
            skip_broken: dnf: Leave out what cannot be installed.
            cacheonly: dnf: Use the repositories' data as it is here.
            install_weak_deps: dnf: Install recommended packages too.
            install_repoquery: dnf: Accepted; nothing needs to be installed.
            conf_file: dnf: The configuration of dnf.
            installroot: dnf: Another root directory.
            releasever: dnf: The release whose packages are meant.
            sslverify: dnf: Check the certificates of repositories.
            disable_plugin: dnf: Plugins of dnf not to use.
            enable_plugin: dnf: Plugins of dnf to use.
        """

    def package_facts(
        self,
        manager: Sequence[str | Later] | str | Later = ...,
        *,
        strategy: Literal['all', 'first'] = ...,
        **keywords: Unpack[Keywords],
    ) -> PackageFactsResult:
        """Gather which packages are installed.

        Args:
            manager: The package managers to ask: auto, apt, rpm (also as dnf, dnf5, yum, zypper). Default: ['auto'].
            strategy: The first manager that has packages, or all of them. Default: 'first'.
        """

    def pause(
        self,
        minutes: float = ...,
        *,
        seconds: float = ...,
        prompt: str | Later = ...,
        echo: bool = ...,
        **keywords: Unpack[Keywords],
    ) -> PauseResult:
        """Wait some time, or for a person at the terminal.

        Args:
            minutes: How long, in minutes.
            seconds: How long, in seconds.
            prompt: What to ask; Enter goes on. With a time, it waits for that time at most.
            echo: Show what is typed. Default: True.
        """

    def ping(
        self,
        data: str | Later = ...,
        **keywords: Unpack[Keywords],
    ) -> PingResult:
        """Check that a target can be reached and runs Python.

        Args:
            data: What to answer; `crash` makes the module fail, to try out error handling. Default: 'pong'.
        """

    def pip(
        self,
        name: Sequence[str | Later] | str | Later = ...,
        *,
        version: str | Later = ...,
        requirements: str | Later = ...,
        state: Literal['absent', 'forcereinstall', 'latest', 'present'] = ...,
        virtualenv: str | PathLike[str] | Later = ...,
        virtualenv_command: str | Later = ...,
        virtualenv_python: str | Later = ...,
        virtualenv_site_packages: bool = ...,
        executable: str | PathLike[str] | Later = ...,
        editable: bool = ...,
        extra_args: str | Later = ...,
        chdir: str | PathLike[str] | Later = ...,
        umask: str | Later = ...,
        break_system_packages: bool = ...,
        **keywords: Unpack[Keywords],
    ) -> PipResult:
        """Manage Python packages.

        Args:
            name: Packages, with versions or extras as pip takes them; paths, URLs and `git+https://...` too.
            version: The version, where `name` is one package.
            requirements: A file of requirements on the target.
            state: present, absent, latest; forcereinstall installs again, always. Default: 'present'.
            virtualenv: Work in this virtual environment; it is made when it is not there.
            virtualenv_command: What makes it: a program, with its options. Where there is no `virtualenv`, `python3 -m venv` stands for it. Default: 'virtualenv'.
            virtualenv_python: The Python of a new environment; only with `virtualenv`.
            virtualenv_site_packages: A new environment sees the system's packages. Default: False.
            executable: The pip to use: a name or a path.
            editable: Install paths in editable mode. Default: False.
            extra_args: Further words for pip.
            chdir: Run pip in this directory.
            umask: The umask while it installs: octal, as text.
            break_system_packages: Go on where the system's Python is the distribution's own affair. Default: False.
        """

    def pool(
        self,
        name: str | Later,
        *,
        state: Literal['running', 'present', 'stopped', 'absent'] = ...,
        type: Literal['dir', 'fs', 'netfs', 'logical', 'disk', 'iscsi', 'scsi', 'mpath', 'rbd', 'zfs', 'gluster'] = ...,
        path: str | PathLike[str] | Later = ...,
        device: Sequence[str | Later] | str | Later = ...,
        host: str | Later = ...,
        source: str | Later = ...,
        format: str | Later = ...,
        build: bool = ...,
        autostart: bool = ...,
        uri: str | Later = ...,
        **keywords: Unpack[Keywords],
    ) -> PoolResult:
        """Declare a storage pool on a hypervisor.

        Args:
            name: The pool's name.
            state: running: defined and active; present: defined; stopped: defined and not active; absent: forgotten, with what is in it left where it is. Default: 'running'.
            type: dir: a directory, on whatever filesystem; fs: a block device that is mounted at `path`; logical: an LVM volume group; the others as libvirt has them. Default: 'dir'.
            path: The directory, or where the filesystem is mounted.
            device: Block devices it is made of.
            host: Server of a network filesystem or storage.
            source: Export, volume group, dataset or adapter there.
            format: Format of the filesystem (ext4, xfs, btrfs ...), export or partition table.
            build: Make what is missing: the directory, or a filesystem, volume group or label on devices that have none. What a device holds is never overwritten. Default: True.
            autostart: Start it when libvirtd starts. Default: True.
            uri: The libvirt to speak to; by default qemu:///system, or the host's fleet_libvirt_uri.
        """

    def raw(
        self,
        free: str | Later,
        /,
        *,
        executable: str | PathLike[str] | Later = ...,
        **keywords: Unpack[Keywords],
    ) -> RawResult:
        """Run a command line without Python on the target.

        Args:
            free: The command line, for the login shell of the remote user.
            executable: Run it with this shell instead (an absolute path).
        """

    def reboot(
        self,
        reboot_timeout: float = ...,
        *,
        connect_timeout: float = ...,
        pre_reboot_delay: float = ...,
        post_reboot_delay: float = ...,
        msg: str | Later = ...,
        reboot_command: str | Later = ...,
        boot_time_command: str | Later = ...,
        test_command: str | Later = ...,
        **keywords: Unpack[Keywords],
    ) -> RebootResult:
        """Reboot a host and wait until it is back.

        Args:
            reboot_timeout: Seconds until it must be back. Default: 600.0.
            connect_timeout: Seconds one attempt to reach it may take. Default: 5.0.
            pre_reboot_delay: Seconds to wait before. Default: 0.0.
            post_reboot_delay: Seconds to wait after it is back. Default: 0.0.
            msg: What its users are told. Default: 'Reboot initiated by fleet'.
            reboot_command: How it is rebooted, instead of `shutdown -r`.
            boot_time_command: What tells one boot from another. Default: 'cat /proc/sys/kernel/random/boot_id'.
            test_command: What must end with 0 once it is back. Default: 'true'.
        """

    def replace(
        self,
        path: str | PathLike[str] | Later,
        *,
        regexp: str | Later,
        replace: str | Later = ...,
        after: str | Later = ...,
        before: str | Later = ...,
        backup: bool = ...,
        validate: str | Later = ...,
        encoding: str | Later = ...,
        mode: Any = ...,
        owner: str | Later = ...,
        group: str | Later = ...,
        attributes: str | Later = ...,
        seuser: str | Later = ...,
        serole: str | Later = ...,
        setype: str | Later = ...,
        selevel: str | Later = ...,
        unsafe_writes: bool = ...,
        **keywords: Unpack[Keywords],
    ) -> ReplaceResult:
        """Replace all matches of a regular expression in a text file.

        Args:
            path: The file.
            regexp: The expression, in multi-line mode.
            replace: What takes a match's place; groups as \\\\1 or \\\\g<name>. Default: ''.
            after: Only behind the first match of this expression.
            before: Only before the first match of this expression.
            backup: Keep a copy of what was there. Default: False.
            validate: Command with %s for the new file, which must end with 0 before it is put in place.
            encoding: The file's encoding. Default: 'utf-8'.
            mode: Permissions: octal as a string ("0644"), symbolic ("u=rw,g=r") or `preserve` where a source file exists.
            owner: Name or number of the owning user.
            group: Name or number of the owning group.
            attributes: File attributes as chattr takes them.
            seuser: SELinux user; left aside on a target without SELinux, as its role, type and level.
            serole: SELinux role.
            setype: SELinux type.
            selevel: SELinux level.
            unsafe_writes: Write in place where an atomic replace is impossible (a bind-mounted file). Default: False.
        """

    def rollout(
        self,
        image: str | Later,
        *,
        containers: Sequence[str | Later] | str | Later = ...,
        batch: str | Later = ...,
        check: Sequence[str | Later] | str | Later = ...,
        retries: int = ...,
        delay: float = ...,
        rollback: bool = ...,
        store: str | PathLike[str] | Later = ...,
        **keywords: Unpack[KeywordsButRetriesButDelay],
    ) -> RolloutResult:
        """Replace containers by clones of a newer image, in batches, and stop at the first bad one.

        Args:
            image: The image, by name or id.
            containers: These containers of the host, in this order; by default all that are made of another build of the image.
            batch: How many at a time: a number, or a share such as 25%. Default: '1'.
            check: A command that is run in each new container; status 0 is well. Beside the container's own `health`.
            retries: How often it is tried. Default: 10.
            delay: Seconds between tries. Default: 1.0.
            rollback: Make the containers of a bad batch what they were, of the image they had. Default: True.
            store: Directory of the host's images. Default: '/var/lib/fleet/images'.
        """

    def rpm_key(
        self,
        key: str | Later,
        *,
        state: Literal['absent', 'present'] = ...,
        fingerprint: Sequence[str | Later] | str | Later = ...,
        validate_certs: bool = ...,
        **keywords: Unpack[Keywords],
    ) -> RpmKeyResult:
        """Manage the keys that rpm trusts.

        Args:
            key: The key: a file on the target, its URL, or (with state absent) its id.
            state: present or absent. Default: 'present'.
            fingerprint: The key must have one of these fingerprints.
            validate_certs: Check the certificate of an https URL. Default: True.
        """

    def script(
        self,
        cmd: str | Later,
        *,
        creates: str | Later = ...,
        removes: str | Later = ...,
        chdir: str | Later = ...,
        executable: str | Later = ...,
        **keywords: Unpack[Keywords],
    ) -> ScriptResult:
        """Run a script of the controller on the target.

        Args:
            cmd: The script and its arguments.
            creates: Do nothing when this exists.
            removes: Do nothing when this does not exist.
            chdir: Directory to run it in.
            executable: Interpreter to run it with.
        """

    def service(
        self,
        name: str | Later = ...,
        *,
        state: Literal['reloaded', 'restarted', 'started', 'stopped'] = ...,
        enabled: bool = ...,
        pattern: str | Later = ...,
        sleep: int = ...,
        runlevel: str | Later = ...,
        arguments: str | Later = ...,
        use: Literal['auto', 'openrc', 'service', 'systemd', 'sysvinit'] = ...,
        masked: bool = ...,
        force: bool = ...,
        daemon_reload: bool = ...,
        daemon_reexec: bool = ...,
        scope: Literal['global', 'system', 'user'] = ...,
        no_block: bool = ...,
        **keywords: Unpack[Keywords],
    ) -> ServiceResult:
        """Manage services.

        Args:
            name: The service; not needed for daemon_reload and daemon_reexec alone.
            state: started and stopped change something only when needed; restarted and reloaded always act.
            enabled: Whether it starts with the system.
            pattern: Where a script has no status: text that the command line of the running service holds.
            sleep: Seconds between stop and start of a restart, for scripts that end too soon.
            runlevel: The runlevel of OpenRC. Default: 'default'.
            arguments: Further words for a script. Default: ''.
            use: What manages services; found out when not given. Default: 'auto'.
            masked: Whether it cannot be started at all.
            force: Overwrite conflicting links when enabling or masking.
            daemon_reload: Read changed unit files first. Default: False.
            daemon_reexec: Start systemd itself anew first. Default: False.
            scope: The system's manager, the manager of the user, or what all users' managers enable. Default: 'system'.
            no_block: Do not wait until the unit is started or stopped. Default: False.
        """

    def service_facts(
        self,
        **keywords: Unpack[Keywords],
    ) -> ServiceFactsResult:
        """Gather which services there are, and how they are."""

    def set_fact(
        self,
        *,
        cacheable: bool = ...,
        **more: Any,
    ) -> SetFactResult:
        """Set variables of a host, for the rest of the run.

        Args:
            cacheable: Set it as a fact too, in `ansible_facts`. Default: False.
        """

    def set_stats(
        self,
        data: Mapping[str, Any],
        *,
        per_host: bool = ...,
        aggregate: bool = ...,
        **keywords: Unpack[Keywords],
    ) -> SetStatsResult:
        """Set statistics that are shown at the end of the run.

        Args:
            data: Names and values.
            per_host: Of this host, not of the run. Default: False.
            aggregate: Add to what is set already: numbers are added, lists and texts joined, mappings merged; else replace it. Default: True.
        """

    def setup(
        self,
        gather_subset: Sequence[str | Later] | str | Later = ...,
        *,
        gather_timeout: int = ...,
        filter: Sequence[str | Later] | str | Later = ...,
        fact_path: str | PathLike[str] | Later = ...,
        **keywords: Unpack[Keywords],
    ) -> SetupResult:
        """Gather facts about the target.

        Args:
            gather_subset: Which facts: all, min, hardware, network, virtual or one collector's name; `!x` leaves x out, `!min` even the least. Default: ['all'].
            gather_timeout: Seconds to wait for file systems that do not answer. Default: 10.
            filter: Return only facts whose name matches one of these shell patterns.
            fact_path: Where the machine's own *.fact files are. Default: '/etc/ansible/facts.d'.
        """

    def shell(
        self,
        cmd: str | Later,
        *,
        chdir: str | PathLike[str] | Later = ...,
        creates: str | Later = ...,
        removes: str | Later = ...,
        stdin: str | Later = ...,
        stdin_add_newline: bool = ...,
        strip_empty_ends: bool = ...,
        executable: str | PathLike[str] | Later = ...,
        **keywords: Unpack[Keywords],
    ) -> ShellResult:
        """Run a command line through a shell.

        Args:
            cmd: The command line.
            chdir: Run in this directory.
            creates: Do not run when this path (a glob pattern is allowed) exists.
            removes: Run only when this path (a glob pattern is allowed) exists.
            stdin: What the command reads on its standard input.
            stdin_add_newline: End `stdin` with a newline. Default: True.
            strip_empty_ends: Strip newlines from the end of stdout and stderr. Default: True.
            executable: The shell, an absolute path. Default: '/bin/sh'.
        """

    def slurp(
        self,
        src: str | PathLike[str] | Later,
        *,
        armor: bool = ...,
        **keywords: Unpack[Keywords],
    ) -> SlurpResult:
        """Read a file of the target.

        Args:
            src: The file.
            armor: Give the content as base64; without it, as text. Default: True.
        """

    def stat(
        self,
        path: str | PathLike[str] | Later,
        *,
        follow: bool = ...,
        get_checksum: bool = ...,
        checksum_algorithm: Literal['md5', 'sha1', 'sha224', 'sha256', 'sha384', 'sha512'] = ...,
        get_mime: bool = ...,
        get_attributes: bool = ...,
        get_selinux_context: bool = ...,
        **keywords: Unpack[Keywords],
    ) -> StatResult:
        """Look at a file or directory.

        Args:
            path: The path.
            follow: Look at what a link points to. Default: False.
            get_checksum: Compute a checksum of a file. Default: True.
            checksum_algorithm: Of which kind. Default: 'sha1'.
            get_mime: Ask file(1) what it holds. Default: True.
            get_attributes: Ask lsattr(1) for its flags. Default: True.
            get_selinux_context: Its SELinux context. Default: False.
        """

    def synchronize(
        self,
        src: str | Later,
        *,
        dest: str | Later,
        mode: Literal['pull', 'push'] = ...,
        archive: bool = ...,
        checksum: bool = ...,
        compress: bool = ...,
        copy_links: bool = ...,
        delay_updates: bool = ...,
        delete: bool = ...,
        dirs: bool = ...,
        existing_only: bool = ...,
        recursive: bool = ...,
        links: bool = ...,
        perms: bool = ...,
        times: bool = ...,
        owner: bool = ...,
        group: bool = ...,
        partial: bool = ...,
        link_dest: Sequence[str | Later] | str | Later = ...,
        rsync_opts: Sequence[str | Later] | str | Later = ...,
        rsync_path: str | Later = ...,
        rsync_timeout: int = ...,
        **keywords: Unpack[Keywords],
    ) -> SynchronizeResult:
        """Bring a tree to another machine by rsync.

        Args:
            src: What is sent; with a `/` at its end what is in it. Of the controller, with mode pull of the target.
            dest: Where it goes; of the target, with mode pull of the controller.
            mode: push to the target, or pull from it. Default: 'push'.
            archive: recursive, links, perms, times, owner, group and devices, as far as these are not said. Default: True.
            checksum: Compare contents instead of times and sizes. Default: False.
            compress: Compress on the way. Default: True.
            copy_links: Copy what links lead to. Default: False.
            delay_updates: Put changed files in place at the end, together. Default: True.
            delete: Take away what src does not have. Default: False.
            dirs: Directories without what is in them. Default: False.
            existing_only: Make nothing new. Default: False.
            recursive: Directories with what is in them.
            links: Links as links.
            perms: Modes.
            times: Times.
            owner: Owners.
            group: Groups.
            partial: Keep what came of a file that was cut off. Default: False.
            link_dest: Directories of the receiver in which equal files are linked.
            rsync_opts: Further options of rsync.
            rsync_path: rsync on the target, with what goes before it.
            rsync_timeout: Seconds without any data after which rsync gives up; 0 = never. Default: 0.
        """

    def sysctl(
        self,
        name: str | Later,
        *,
        value: str | Later = ...,
        state: Literal['absent', 'present'] = ...,
        sysctl_file: str | PathLike[str] | Later = ...,
        sysctl_set: bool = ...,
        reload: bool = ...,
        ignoreerrors: bool = ...,
        **keywords: Unpack[Keywords],
    ) -> SysctlResult:
        """Manage settings of the kernel.

        Args:
            name: The setting, with dots or slashes: `net.ipv4.ip_forward`.
            value: Its value; true and false are 1 and 0.
            state: Whether it is in the file. Default: 'present'.
            sysctl_file: The file. Default: '/etc/sysctl.conf'.
            sysctl_set: Compare the kernel's own value too, and set it where it differs. Default: False.
            reload: When the file changes, set all that is in it. Default: True.
            ignoreerrors: Pass over settings that this kernel does not have. Default: False.
        """

    def systemd(
        self,
        name: str | Later = ...,
        *,
        state: Literal['reloaded', 'restarted', 'started', 'stopped'] = ...,
        enabled: bool = ...,
        masked: bool = ...,
        force: bool = ...,
        daemon_reload: bool = ...,
        daemon_reexec: bool = ...,
        scope: Literal['global', 'system', 'user'] = ...,
        no_block: bool = ...,
        **keywords: Unpack[Keywords],
    ) -> SystemdResult:
        """Manage units of systemd.

        Args:
            name: The unit; .service is added when it has no suffix.
            state: started and stopped change something only when needed; restarted and reloaded always act.
            enabled: Whether it starts with the system.
            masked: Whether it cannot be started at all.
            force: Overwrite conflicting links when enabling or masking.
            daemon_reload: Read changed unit files first. Default: False.
            daemon_reexec: Start systemd itself anew first. Default: False.
            scope: The system's manager, the manager of the user, or what all users' managers enable. Default: 'system'.
            no_block: Do not wait until the unit is started or stopped. Default: False.
        """

    def systemd_service(
        self,
        name: str | Later = ...,
        *,
        state: Literal['reloaded', 'restarted', 'started', 'stopped'] = ...,
        enabled: bool = ...,
        masked: bool = ...,
        force: bool = ...,
        daemon_reload: bool = ...,
        daemon_reexec: bool = ...,
        scope: Literal['global', 'system', 'user'] = ...,
        no_block: bool = ...,
        **keywords: Unpack[Keywords],
    ) -> SystemdServiceResult:
        """Manage units of systemd (the same as systemd).

        Args:
            name: The unit; .service is added when it has no suffix.
            state: started and stopped change something only when needed; restarted and reloaded always act.
            enabled: Whether it starts with the system.
            masked: Whether it cannot be started at all.
            force: Overwrite conflicting links when enabling or masking.
            daemon_reload: Read changed unit files first. Default: False.
            daemon_reexec: Start systemd itself anew first. Default: False.
            scope: The system's manager, the manager of the user, or what all users' managers enable. Default: 'system'.
            no_block: Do not wait until the unit is started or stopped. Default: False.
        """

    def tempfile(
        self,
        state: Literal['file', 'directory'] = ...,
        *,
        path: str | PathLike[str] | Later = ...,
        prefix: str | Later = ...,
        suffix: str | Later = ...,
        **keywords: Unpack[Keywords],
    ) -> TempfileResult:
        """Make a temporary file or directory.

        Args:
            state: Which. Default: 'file'.
            path: Where; the system's temporary directory by default.
            prefix: Beginning of its name. Default: 'ansible.'.
            suffix: End of its name. Default: ''.
        """

    def template(
        self,
        src: str | PathLike[str] | Later,
        *,
        dest: str | PathLike[str] | Later,
        backup: bool = ...,
        force: bool = ...,
        follow: bool = ...,
        validate: str | Later = ...,
        mode: Any = ...,
        owner: str | Later = ...,
        group: str | Later = ...,
        attributes: str | Later = ...,
        seuser: str | Later = ...,
        serole: str | Later = ...,
        setype: str | Later = ...,
        selevel: str | Later = ...,
        unsafe_writes: bool = ...,
        newline_sequence: Literal['\n', '\r', '\r\n', '\\n', '\\r', '\\r\\n'] = ...,
        trim_blocks: bool = ...,
        lstrip_blocks: bool = ...,
        output_encoding: str | Later = ...,
        block_start_string: str | Later = ...,
        block_end_string: str | Later = ...,
        variable_start_string: str | Later = ...,
        variable_end_string: str | Later = ...,
        comment_start_string: str | Later = ...,
        comment_end_string: str | Later = ...,
        **keywords: Unpack[Keywords],
    ) -> TemplateResult:
        """Write a file from a Jinja2 template.

        Args:
            src: The template, in templates/ of the role or beside the playbook.
            dest: Where it goes; a directory takes the template's name.
            backup: Keep a copy of what was there. Default: False.
            force: Replace a file that differs; otherwise only a missing file is written. Default: True.
            follow: Write to what a link at dest points to. Default: False.
            validate: Command with %s for the new file, which must end with 0 before it is put in place.
            mode: Permissions: octal as a string ("0644"), symbolic ("u=rw,g=r") or `preserve` where a source file exists.
            owner: Name or number of the owning user.
            group: Name or number of the owning group.
            attributes: File attributes as chattr takes them.
            seuser: SELinux user; left aside on a target without SELinux, as its role, type and level.
            serole: SELinux role.
            setype: SELinux type.
            selevel: SELinux level.
            unsafe_writes: Write in place where an atomic replace is impossible (a bind-mounted file). Default: False.
            newline_sequence: How lines end. Default: '\\n'.
            trim_blocks: Drop the newline after a block. Default: True.
            lstrip_blocks: Drop blanks before a block. Default: False.
            output_encoding: Encoding of the file. Default: 'utf-8'.
            block_start_string: Jinja's block start string.
            block_end_string: Jinja's block end string.
            variable_start_string: Jinja's variable start string.
            variable_end_string: Jinja's variable end string.
            comment_start_string: Jinja's comment start string.
            comment_end_string: Jinja's comment end string.
        """

    def timezone(
        self,
        name: str | Later = ...,
        *,
        hwclock: Literal['UTC', 'local'] = ...,
        **keywords: Unpack[Keywords],
    ) -> TimezoneResult:
        """Set the target's time zone.

        Args:
            name: The zone: Europe/Berlin, UTC ...
            hwclock: What the hardware clock keeps.
        """

    def unarchive(
        self,
        src: str | PathLike[str] | Later,
        *,
        dest: str | PathLike[str] | Later,
        remote_src: bool = ...,
        validate_certs: bool = ...,
        creates: str | PathLike[str] | Later = ...,
        exclude: Sequence[str | Later] | str | Later = ...,
        include: Sequence[str | Later] | str | Later = ...,
        extra_opts: Sequence[str | Later] | str | Later = ...,
        keep_newer: bool = ...,
        list_files: bool = ...,
        mode: Any = ...,
        owner: str | Later = ...,
        group: str | Later = ...,
        attributes: str | Later = ...,
        seuser: str | Later = ...,
        serole: str | Later = ...,
        setype: str | Later = ...,
        selevel: str | Later = ...,
        unsafe_writes: bool = ...,
        **keywords: Unpack[Keywords],
    ) -> UnarchiveResult:
        """Unpack a tar or zip archive.

        Args:
            src: The archive: on the controller, or on the target with remote_src, which also takes a URL.
            dest: Directory to unpack in; it must exist.
            remote_src: src is on the target, or a URL that the target loads. Default: False.
            validate_certs: Check the certificate of an https URL. Default: True.
            creates: Do nothing when this exists.
            exclude: Members to leave out (shell patterns).
            include: Only these members (shell patterns).
            extra_opts: Options of tar: --strip-components=N, --exclude=PATTERN, --no-same-owner and the like; others are refused by name.
            keep_newer: Leave files that are newer than the archive's. Default: False.
            list_files: Return the names of the members. Default: False.
            mode: Permissions: octal as a string ("0644"), symbolic ("u=rw,g=r") or `preserve` where a source file exists.
            owner: Name or number of the owning user.
            group: Name or number of the owning group.
            attributes: File attributes as chattr takes them.
            seuser: SELinux user; left aside on a target without SELinux, as its role, type and level.
            serole: SELinux role.
            setype: SELinux type.
            selevel: SELinux level.
            unsafe_writes: Write in place where an atomic replace is impossible (a bind-mounted file). Default: False.
        """

    def uri(
        self,
        url: str | Later,
        *,
        timeout: float = ...,
        headers: Mapping[str, Any] = ...,
        http_agent: str | Later = ...,
        url_username: str | Later = ...,
        url_password: str | Later = ...,
        force_basic_auth: bool = ...,
        validate_certs: bool = ...,
        client_cert: str | PathLike[str] | Later = ...,
        client_key: str | PathLike[str] | Later = ...,
        ca_path: str | PathLike[str] | Later = ...,
        use_proxy: bool = ...,
        method: str | Later = ...,
        body: Any = ...,
        body_format: Literal['raw', 'json', 'form-urlencoded'] = ...,
        src: str | PathLike[str] | Later = ...,
        status_code: Sequence[int] | int = ...,
        return_content: bool = ...,
        follow_redirects: Literal['all', 'yes', 'safe', 'urllib2', 'none', 'no'] = ...,
        dest: str | PathLike[str] | Later = ...,
        creates: str | Later = ...,
        removes: str | Later = ...,
        mode: Any = ...,
        owner: str | Later = ...,
        group: str | Later = ...,
        attributes: str | Later = ...,
        seuser: str | Later = ...,
        serole: str | Later = ...,
        setype: str | Later = ...,
        selevel: str | Later = ...,
        unsafe_writes: bool = ...,
        **keywords: Unpack[KeywordsButTimeout],
    ) -> UriResult:
        """Talk to a web service over HTTP.

        Args:
            url: What to ask.
            timeout: Seconds to wait for an answer. Default: 30.0.
            headers: Headers of the request.
            http_agent: User-Agent. Default: 'fleet'.
            url_username: User for basic authentication.
            url_password: Its password.
            force_basic_auth: Accepted: the credentials always go with the first request. Default: False.
            validate_certs: Check certificates. Default: True.
            client_cert: File of the client's certificate, PEM; it may hold the key too.
            client_key: File of its key.
            ca_path: File of certificates to trust instead of the system's.
            use_proxy: Use the environment's proxy. Default: True.
            method: The request's method. Default: 'GET'.
            body: What to send: text, or data for `body_format`.
            body_format: How the body is sent; it sets the content type too. Default: 'raw'.
            src: A file of the target to send instead of a body.
            status_code: Statuses that are right. Default: [200].
            return_content: Return the content even when it is right; it is returned anyway when it is not. Default: False.
            follow_redirects: all; safe: only those of GET and HEAD; none. Default: 'safe'.
            dest: File to write the content to.
            creates: Do nothing when this path (a glob pattern is allowed) exists.
            removes: Do nothing when this path (a glob pattern is allowed) does not exist.
            mode: Permissions: octal as a string ("0644"), symbolic ("u=rw,g=r") or `preserve` where a source file exists.
            owner: Name or number of the owning user.
            group: Name or number of the owning group.
            attributes: File attributes as chattr takes them.
            seuser: SELinux user; left aside on a target without SELinux, as its role, type and level.
            serole: SELinux role.
            setype: SELinux type.
            selevel: SELinux level.
            unsafe_writes: Write in place where an atomic replace is impossible (a bind-mounted file). Default: False.
        """

    def user(
        self,
        name: str | Later,
        *,
        state: Literal['absent', 'present'] = ...,
        uid: int = ...,
        uid_min: int = ...,
        uid_max: int = ...,
        non_unique: bool = ...,
        comment: str | Later = ...,
        group: str | Later = ...,
        groups: Sequence[str | Later] | str | Later = ...,
        append: bool = ...,
        home: str | PathLike[str] | Later = ...,
        create_home: bool = ...,
        move_home: bool = ...,
        skeleton: str | Later = ...,
        umask: str | Later = ...,
        shell: str | PathLike[str] | Later = ...,
        system: bool = ...,
        password: str | Later = ...,
        update_password: Literal['always', 'on_create'] = ...,
        password_lock: bool = ...,
        password_expire_max: int = ...,
        password_expire_min: int = ...,
        password_expire_warn: int = ...,
        password_expire_account_disable: int = ...,
        expires: float = ...,
        force: bool = ...,
        remove: bool = ...,
        local: bool = ...,
        seuser: str | Later = ...,
        generate_ssh_key: bool = ...,
        ssh_key_type: str | Later = ...,
        ssh_key_bits: int = ...,
        ssh_key_file: str | PathLike[str] | Later = ...,
        ssh_key_comment: str | Later = ...,
        ssh_key_passphrase: str | Later = ...,
        **keywords: Unpack[Keywords],
    ) -> UserResult:
        """Manage user accounts.

        Args:
            name: The user's name.
            state: Whether the account exists. Default: 'present'.
            uid: The number; chosen when not given.
            uid_min: The least number to choose.
            uid_max: The greatest number to choose.
            non_unique: Let the number be one that another user has. Default: False.
            comment: The real name or other words (GECOS).
            group: The first group.
            groups: Further groups; an empty list means none.
            append: Add to `groups` only, leave others as they are. Default: False.
            home: The home directory.
            create_home: Create the home directory when it is missing. Default: True.
            move_home: Move the present home directory to `home`. Default: False.
            skeleton: The directory whose files a new home gets.
            umask: The umask for a new home, octal.
            shell: The login shell.
            system: Create it as a system account. Default: False.
            password: The password's hash (`{{ secret | password_hash }}`); `!` or `*` for an account without one.
            update_password: Set the password always, or only on a new account. Default: 'always'.
            password_lock: Lock or unlock the password.
            password_expire_max: Days after which the password must be changed.
            password_expire_min: Days before it may be changed.
            password_expire_warn: Days of warning before it expires.
            password_expire_account_disable: Days after its expiry until the account is disabled.
            expires: When the account expires, seconds since the epoch; negative = never.
            force: With absent: delete even a user who is logged in, and the files of others in the home. Default: False.
            remove: With absent: delete the home directory and mail too. Default: False.
            local: Look at /etc/passwd and /etc/group only, not at other sources of accounts. Default: False.
            seuser: The SELinux user.
            generate_ssh_key: Generate an SSH key; one there is stays, unless `force`. Default: False.
            ssh_key_type: Its type. Default: 'rsa'.
            ssh_key_bits: Its bits, for types that have a choice.
            ssh_key_file: Its file, relative to the home directory; .ssh/id_TYPE when not given.
            ssh_key_comment: Its comment; `ansible-generated on HOST` when not given.
            ssh_key_passphrase: Its passphrase.
        """

    def validate_argument_spec(
        self,
        argument_spec: Mapping[str, Any],
        *,
        provided_arguments: Mapping[str, Any] = ...,
        validate_args_context: Mapping[str, Any] = ...,
        **keywords: Unpack[Keywords],
    ) -> ValidateArgumentSpecResult:
        """Check variables and arguments against a spec.

        Args:
            argument_spec: The options, each a mapping of type, required, default, choices, elements, options, aliases, no_log.
            provided_arguments: Values, above those that variables of these names have.
            validate_args_context: What is checked, for the result.
        """

    def volume(
        self,
        name: str | Later,
        *,
        pool: str | Later = ...,
        size: int | str = ...,
        format: Literal['qcow2', 'raw', 'vmdk', 'vdi', 'vpc', 'qed'] = ...,
        allocation: Literal['sparse', 'metadata', 'full'] = ...,
        backing: str | PathLike[str] | Later = ...,
        backing_format: Literal['qcow2', 'raw'] = ...,
        clone_of: str | Later = ...,
        src: str | PathLike[str] | Later = ...,
        overwrite: bool = ...,
        checksum: str | Later = ...,
        dest: str | PathLike[str] | Later = ...,
        protected: bool = ...,
        force: bool = ...,
        state: Literal['present', 'absent'] = ...,
        uri: str | Later = ...,
        **keywords: Unpack[Keywords],
    ) -> VolumeResult:
        """Declare a disk volume on a hypervisor.

        Args:
            name: The volume's name, for a file with its extension.
            pool: The directory it is in (a libvirt storage pool is made for it where there is none), or a pool's name. Default: '/var/lib/libvirt/images'.
            size: Its capacity, such as 10G; by default that of what it is made from.
            format: Its format; by default that of `src` or `clone_of`, else qcow2, and raw where the pool has no files.
            allocation: sparse: as it is written; metadata: of qcow2, its tables at once; full: all of it, as always where the pool has no files. Default: 'sparse'.
            backing: A disk on the host of which this is a copy-on-write overlay: a clone that costs nothing.
            backing_format: The format of `backing`. Default: 'qcow2'.
            clone_of: A volume of the same pool, or a path on the host, of which this is a copy of its own.
            src: A file on the controller that it is made from.
            overwrite: Also write `src` to a volume that exists and has other content (by SHA-256). Default: False.
            checksum: sha256:HEX that the content must have, checked on the host after it was made from `src`.
            dest: A file on the controller to write the volume's content to.
            protected: Removing it fails unless `force` is given.
            force: Remove it although it is protected. Default: False.
            state: present or absent. Default: 'present'.
            uri: The libvirt to speak to; by default qemu:///system, or the host's fleet_libvirt_uri.
        """

    def wait_for(
        self,
        host: str | Later = ...,
        *,
        port: int = ...,
        path: str | PathLike[str] | Later = ...,
        search_regex: str | Later = ...,
        state: Literal['absent', 'drained', 'present', 'started', 'stopped'] = ...,
        delay: int = ...,
        timeout: int = ...,
        sleep: int = ...,
        connect_timeout: int = ...,
        active_connection_states: Sequence[str | Later] | str | Later = ...,
        exclude_hosts: Sequence[str | Later] | str | Later = ...,
        msg: str | Later = ...,
        **keywords: Unpack[KeywordsButDelayButTimeout],
    ) -> WaitForResult:
        """Wait for a port, a file or some time.

        Args:
            host: The name or address to look at, from the target. Default: '127.0.0.1'.
            port: The TCP port to poll.
            path: The file to look at.
            search_regex: Wait until this regular expression is found in the file, or in what the port sends.
            state: started/present: it is open or there; stopped/absent: it is not; drained: no connection to the port is open. Default: 'started'.
            delay: Seconds to wait before the first look. Default: 0.
            timeout: Seconds to wait at most; with nothing else to wait for, just this long. Default: 300.
            sleep: Seconds between looks. Default: 1.
            connect_timeout: Seconds one connection attempt may take. Default: 5.
            active_connection_states: The TCP states that count as open, for `drained`. Default: ['ESTABLISHED', 'FIN_WAIT1', 'FIN_WAIT2', 'SYN_RECV', 'SYN_SENT', 'TIME_WAIT'].
            exclude_hosts: Peers whose connections do not count, for `drained`.
            msg: The error message when time is up.
        """

    def wait_for_connection(
        self,
        delay: float = ...,
        *,
        sleep: float = ...,
        connect_timeout: float = ...,
        timeout: float = ...,
        **keywords: Unpack[KeywordsButDelayButTimeout],
    ) -> WaitForConnectionResult:
        """Wait until a host can be reached and its runner answers.

        Args:
            delay: Seconds to wait before the first attempt. Default: 0.0.
            sleep: Seconds between the first attempts; the pauses grow. Default: 1.0.
            connect_timeout: Seconds one attempt may take. Default: 5.0.
            timeout: Seconds to wait altogether. Default: 600.0.
        """

    def yum_repository(
        self,
        name: str | Later,
        *,
        description: str | Later = ...,
        baseurl: Sequence[str | Later] | str | Later = ...,
        file: str | Later = ...,
        reposdir: str | PathLike[str] | Later = ...,
        state: Literal['absent', 'present'] = ...,
        bandwidth: str | Later = ...,
        cost: str | Later = ...,
        deltarpm_percentage: str | Later = ...,
        enabled: bool = ...,
        enablegroups: bool = ...,
        exclude: Sequence[str | Later] | str | Later = ...,
        failovermethod: str | Later = ...,
        gpgcakey: str | Later = ...,
        gpgcheck: bool = ...,
        gpgkey: Sequence[str | Later] | str | Later = ...,
        http_caching: str | Later = ...,
        include: str | Later = ...,
        includepkgs: Sequence[str | Later] | str | Later = ...,
        ip_resolve: str | Later = ...,
        keepalive: bool = ...,
        metadata_expire: str | Later = ...,
        metadata_expire_filter: str | Later = ...,
        metalink: str | Later = ...,
        mirrorlist: str | Later = ...,
        mirrorlist_expire: str | Later = ...,
        module_hotfixes: bool = ...,
        password: str | Later = ...,
        priority: str | Later = ...,
        protect: bool = ...,
        proxy: str | Later = ...,
        proxy_password: str | Later = ...,
        proxy_username: str | Later = ...,
        repo_gpgcheck: bool = ...,
        retries: str | Later = ...,
        s3_enabled: bool = ...,
        skip_if_unavailable: bool = ...,
        sslcacert: str | Later = ...,
        ssl_check_cert_permissions: bool = ...,
        sslclientcert: str | Later = ...,
        sslclientkey: str | Later = ...,
        sslverify: bool = ...,
        throttle: str | Later = ...,
        timeout: str | Later = ...,
        ui_repoid_vars: str | Later = ...,
        username: str | Later = ...,
        mode: Any = ...,
        owner: str | Later = ...,
        group: str | Later = ...,
        attributes: str | Later = ...,
        seuser: str | Later = ...,
        serole: str | Later = ...,
        setype: str | Later = ...,
        selevel: str | Later = ...,
        unsafe_writes: bool = ...,
        **keywords: Unpack[KeywordsButRetriesButTimeout],
    ) -> YumRepositoryResult:
        """Manage repositories of dnf and yum.

        Args:
            name: Its id, the section's name.
            description: Its name for people; needed to make one.
            baseurl: URLs of the repository.
            file: The file in reposdir, without `.repo`; the id when not given.
            reposdir: Where the files are. Default: '/etc/yum.repos.d'.
            state: present or absent. Default: 'present'.
            bandwidth: The bandwidth that throttle is a share of.
            cost: Relative cost; the cheaper repository is preferred.
            deltarpm_percentage: Use a delta when it is less than this share of the package.
            enabled: Whether it is used.
            enablegroups: Whether its groups are used.
            exclude: Packages that are not taken from it.
            failovermethod: roundrobin or priority.
            gpgcakey: URL of the key that signed the others.
            gpgcheck: Check the packages' signatures.
            gpgkey: URLs of the keys.
            http_caching: all, packages or none.
            include: URL or path of a further configuration.
            includepkgs: The only packages that are taken from it.
            ip_resolve: IP version.
            keepalive: Keep connections open.
            metadata_expire: Seconds, or `never`.
            metadata_expire_filter: What may be stale.
            metalink: URL of a metalink file.
            mirrorlist: URL of a list of mirrors.
            mirrorlist_expire: Seconds.
            module_hotfixes: Its packages are hotfixes of modules.
            password: Password of the repository.
            priority: 1 to 99.
            protect: Its packages are not replaced by other repositories'.
            proxy: URL of a proxy, or `_none_`.
            proxy_password: Password of the proxy.
            proxy_username: User of the proxy.
            repo_gpgcheck: Check its data's signature.
            retries: Tries of a download.
            s3_enabled: It is in Amazon S3.
            skip_if_unavailable: Go on without it where it cannot be reached.
            sslcacert: File of the certificates that are trusted.
            ssl_check_cert_permissions: Check the permissions of the certificates' files.
            sslclientcert: Certificate of the client.
            sslclientkey: Key of the client.
            sslverify: Check its certificate.
            throttle: Bandwidth to use at most.
            timeout: Seconds of a connection.
            ui_repoid_vars: Variables shown behind its id.
            username: User of the repository.
            mode: Permissions: octal as a string ("0644"), symbolic ("u=rw,g=r") or `preserve` where a source file exists.
            owner: Name or number of the owning user.
            group: Name or number of the owning group.
            attributes: File attributes as chattr takes them.
            seuser: SELinux user; left aside on a target without SELinux, as its role, type and level.
            serole: SELinux role.
            setype: SELinux type.
            selevel: SELinux level.
            unsafe_writes: Write in place where an atomic replace is impossible (a bind-mounted file). Default: False.
        """
