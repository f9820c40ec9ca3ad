"""Generated from the modules' specs by `python -m fleet.dsl.stubs`; do not edit."""

from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from typing import Any, Literal, TypedDict

from typing_extensions import Unpack

from fleet.dsl.result import Record
from fleet.dsl.result import Result as Result

KEYWORDS: tuple[str, ...]

class Keywords(TypedDict, total=False):
    """What any task call takes beside its module's options."""

    task: str
    notify: str | Callable[..., Any] | Sequence[str | Callable[..., Any]]
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

class AcceleratorResult(Result):
    changed: bool
    failed: bool
    skipped: bool
    accel: str
    reason: str

class AddHostResult(Result):
    changed: bool
    failed: bool
    skipped: bool
    add_host: Record

class AptResult(Result):
    changed: bool
    failed: bool
    skipped: bool
    cache_updated: bool
    cache_update_time: int
    stdout: str
    stderr: str

class AssertResult(Result):
    changed: bool
    failed: bool
    skipped: bool
    msg: Any
    assertion: Any
    evaluated_to: bool

class AuthorizedKeyResult(Result):
    changed: bool
    failed: bool
    skipped: bool
    keyfile: str
    user: str

class BlockinfileResult(Result):
    changed: bool
    failed: bool
    skipped: bool
    msg: str
    backup: str

class CommandResult(Result):
    changed: bool
    failed: bool
    skipped: bool
    cmd: Any
    rc: int
    stdout: str
    stderr: str
    stdout_lines: list[str]
    stderr_lines: list[str]
    start: str
    end: str
    delta: str
    msg: str

class ContainerResult(Result):
    changed: bool
    failed: bool
    skipped: bool
    name: str
    root: str
    running: bool
    pid: int
    log: str

class CopyResult(Result):
    changed: bool
    failed: bool
    skipped: bool
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

class CronResult(Result):
    changed: bool
    failed: bool
    skipped: bool
    jobs: list[str]
    envs: list[str]
    backup_file: str
    cron_file: str

class DebugResult(Result):
    changed: bool
    failed: bool
    skipped: bool
    msg: Any

class FailResult(Result):
    changed: bool
    failed: bool
    skipped: bool
    msg: str

class FetchResult(Result):
    changed: bool
    failed: bool
    skipped: bool
    dest: str
    checksum: str
    remote_checksum: str
    md5sum: str

class FileResult(Result):
    changed: bool
    failed: bool
    skipped: bool
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

class FindResult(Result):
    changed: bool
    failed: bool
    skipped: bool
    files: list[Record]
    matched: int
    examined: int
    skipped_paths: Record

class GetUrlResult(Result):
    changed: bool
    failed: bool
    skipped: bool
    dest: str
    url: str
    status_code: int
    checksum_src: str
    checksum_dest: str
    msg: str
    elapsed: int
    size: int

class GitResult(Result):
    changed: bool
    failed: bool
    skipped: bool
    before: str
    after: str
    remote_url_changed: bool

class GroupResult(Result):
    changed: bool
    failed: bool
    skipped: bool
    name: str
    gid: int
    state: str
    system: bool

class GroupByResult(Result):
    changed: bool
    failed: bool
    skipped: bool
    add_group: str
    parent_groups: list[str]

class GuestResult(Result):
    changed: bool
    failed: bool
    skipped: bool
    name: str
    uuid: str
    mac: str
    address: str
    accel: str
    accel_reason: str
    pending_restart: bool

class HostnameResult(Result):
    changed: bool
    failed: bool
    skipped: bool
    name: str
    ansible_facts: Record

class HypervisorResult(Result):
    changed: bool
    failed: bool
    skipped: bool
    socket: str
    started_by: str

class ImageResult(Result):
    changed: bool
    failed: bool
    skipped: bool
    path: str
    tree: str
    disk: str
    kernel: str
    initrd: str
    append: str
    inputs: str

class IncludeVarsResult(Result):
    changed: bool
    failed: bool
    skipped: bool
    ansible_facts: Record
    ansible_included_var_files: list[str]

class LineinfileResult(Result):
    changed: bool
    failed: bool
    skipped: bool
    msg: str
    backup: str

class NetworkResult(Result):
    changed: bool
    failed: bool
    skipped: bool
    name: str
    bridge: str
    active: bool
    pending: list[str]
    pending_restart: bool

class NetworkPortResult(Result):
    changed: bool
    failed: bool
    skipped: bool
    changes: list[Any]

class PackageResult(Result):
    changed: bool
    failed: bool
    skipped: bool
    stdout: str

class PauseResult(Result):
    changed: bool
    failed: bool
    skipped: bool
    user_input: str
    start: str
    stop: str
    delta: int
    stdout: str
    echo: bool
    rc: int

class PingResult(Result):
    changed: bool
    failed: bool
    skipped: bool
    ping: str

class RawResult(Result):
    changed: bool
    failed: bool
    skipped: bool
    rc: int
    stdout: str
    stderr: str
    stdout_lines: list[str]
    stderr_lines: list[str]
    msg: str

class ReplaceResult(Result):
    changed: bool
    failed: bool
    skipped: bool
    msg: str
    backup: str

class ScriptResult(Result):
    changed: bool
    failed: bool
    skipped: bool
    rc: int
    stdout: str
    stderr: str

class ServiceResult(Result):
    changed: bool
    failed: bool
    skipped: bool
    name: str
    state: str
    enabled: bool
    status: Record

class SetFactResult(Result):
    changed: bool
    failed: bool
    skipped: bool
    ansible_facts: Record

class SetupResult(Result):
    changed: bool
    failed: bool
    skipped: bool
    ansible_facts: Record

class ShellResult(Result):
    changed: bool
    failed: bool
    skipped: bool
    cmd: Any
    rc: int
    stdout: str
    stderr: str
    stdout_lines: list[str]
    stderr_lines: list[str]
    start: str
    end: str
    delta: str
    msg: str

class SlurpResult(Result):
    changed: bool
    failed: bool
    skipped: bool
    content: str
    encoding: str
    source: str

class StatResult(Result):
    changed: bool
    failed: bool
    skipped: bool
    stat: Record

class SystemdResult(Result):
    changed: bool
    failed: bool
    skipped: bool
    name: str
    state: str
    enabled: bool
    status: Record

class SystemdServiceResult(Result):
    changed: bool
    failed: bool
    skipped: bool
    name: str
    state: str
    enabled: bool
    status: Record

class TempfileResult(Result):
    changed: bool
    failed: bool
    skipped: bool
    path: str
    mode: str
    owner: str
    group: str
    state: str

class TemplateResult(Result):
    changed: bool
    failed: bool
    skipped: bool
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

class UnarchiveResult(Result):
    changed: bool
    failed: bool
    skipped: bool
    dest: str
    src: str
    handler: str
    files: list[str]

class UriResult(Result):
    changed: bool
    failed: bool
    skipped: bool
    status: int
    url: str
    msg: str
    content: str
    json: Any
    redirected: bool
    elapsed: int
    path: str
    content_type: str

class UserResult(Result):
    changed: bool
    failed: bool
    skipped: bool
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

class VolumeResult(Result):
    changed: bool
    failed: bool
    skipped: bool
    path: str
    size: int

class WaitForResult(Result):
    changed: bool
    failed: bool
    skipped: bool
    elapsed: int
    state: str
    match_groups: list[str]
    match_groupdict: Record

class Tasks:
    """Every module as a method, which gives the promise of its result."""

    def _task(self, action: str, given: Mapping[str, Any], keywords: Mapping[str, Any]) -> Result: ...

    def accelerator(
        self,
        kernel: str | PathLike[str] = ...,
        *,
        timeout: float = ...,
        **more: Any,
    ) -> AcceleratorResult:
        """Find out by booting a probe guest whether KVM works on a hypervisor"""

    def add_host(
        self,
        name: str = ...,
        *,
        groups: Sequence[str] | str = ...,
        **more: Any,
    ) -> AddHostResult:
        """Add a host to the inventory of this run"""

    def apt(
        self,
        name: Sequence[str] | str = ...,
        *,
        state: Literal['absent', 'build-dep', 'fixed', 'latest', 'present'] = ...,
        update_cache: bool = ...,
        update_cache_retries: int = ...,
        update_cache_retry_max_delay: int = ...,
        cache_valid_time: int = ...,
        purge: bool = ...,
        default_release: str = ...,
        install_recommends: bool = ...,
        force: bool = ...,
        clean: bool = ...,
        allow_unauthenticated: bool = ...,
        allow_downgrade: bool = ...,
        allow_change_held_packages: bool = ...,
        upgrade: Literal['dist', 'full', 'no', 'safe', 'yes'] = ...,
        dpkg_options: str = ...,
        deb: str | PathLike[str] = ...,
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
        """Manage Debian packages"""

    def assert_(
        self,
        that: Any = ...,
        *,
        fail_msg: Any = ...,
        success_msg: Any = ...,
        quiet: bool = ...,
        **keywords: Unpack[Keywords],
    ) -> AssertResult:
        """Fail unless conditions hold"""

    def authorized_key(
        self,
        user: str = ...,
        *,
        key: str = ...,
        path: str | PathLike[str] = ...,
        manage_dir: bool = ...,
        state: Literal['absent', 'present'] = ...,
        key_options: str = ...,
        exclusive: bool = ...,
        comment: str = ...,
        follow: bool = ...,
        **keywords: Unpack[Keywords],
    ) -> AuthorizedKeyResult:
        """Manage a user's authorized SSH keys"""

    def blockinfile(
        self,
        path: str | PathLike[str] = ...,
        *,
        block: str = ...,
        state: Literal['present', 'absent'] = ...,
        marker: str = ...,
        marker_begin: str = ...,
        marker_end: str = ...,
        insertafter: str = ...,
        insertbefore: str = ...,
        create: bool = ...,
        append_newline: bool = ...,
        prepend_newline: bool = ...,
        backup: bool = ...,
        validate: str = ...,
        encoding: str = ...,
        mode: Any = ...,
        owner: str = ...,
        group: str = ...,
        attributes: str = ...,
        seuser: str = ...,
        serole: str = ...,
        setype: str = ...,
        selevel: str = ...,
        unsafe_writes: bool = ...,
        **keywords: Unpack[Keywords],
    ) -> BlockinfileResult:
        """Make sure that a block of lines between markers is in a text file"""

    def command(
        self,
        _raw_params: str = ...,
        *,
        chdir: str | PathLike[str] = ...,
        creates: str = ...,
        removes: str = ...,
        stdin: str = ...,
        stdin_add_newline: bool = ...,
        strip_empty_ends: bool = ...,
        argv: Sequence[str] | str = ...,
        executable: str | PathLike[str] = ...,
        expand_argument_vars: bool = ...,
        **keywords: Unpack[Keywords],
    ) -> CommandResult:
        """Run a command without a shell"""

    def container(
        self,
        name: str = ...,
        *,
        state: Literal['running', 'present', 'stopped', 'absent'] = ...,
        backend: Literal['chroot', 'nspawn'] = ...,
        image: str | PathLike[str] = ...,
        clone: Literal['auto', 'overlay', 'copy'] = ...,
        command: Sequence[str] | str = ...,
        boot: bool = ...,
        binds: Mapping[str, Any] = ...,
        network: Literal['host', 'none'] = ...,
        hostname: str = ...,
        timeout: float = ...,
        **more: Any,
    ) -> ContainerResult:
        """Declare a chroot or systemd-nspawn container on a host"""

    def copy(
        self,
        src: str | PathLike[str] = ...,
        *,
        content: Any = ...,
        dest: str | PathLike[str] = ...,
        backup: bool = ...,
        force: bool = ...,
        remote_src: bool = ...,
        follow: bool = ...,
        local_follow: bool = ...,
        directory_mode: Any = ...,
        validate: str = ...,
        checksum: str = ...,
        decrypt: bool = ...,
        mode: Any = ...,
        owner: str = ...,
        group: str = ...,
        attributes: str = ...,
        seuser: str = ...,
        serole: str = ...,
        setype: str = ...,
        selevel: str = ...,
        unsafe_writes: bool = ...,
        **keywords: Unpack[Keywords],
    ) -> CopyResult:
        """Copy files to remote locations"""

    def cron(
        self,
        name: str = ...,
        *,
        state: Literal['absent', 'present'] = ...,
        job: str = ...,
        user: str = ...,
        cron_file: str | PathLike[str] = ...,
        minute: str = ...,
        hour: str = ...,
        day: str = ...,
        month: str = ...,
        weekday: str = ...,
        special_time: Literal['annually', 'daily', 'hourly', 'monthly', 'reboot', 'weekly', 'yearly'] = ...,
        disabled: bool = ...,
        env: bool = ...,
        insertafter: str = ...,
        insertbefore: str = ...,
        backup: bool = ...,
        **keywords: Unpack[Keywords],
    ) -> CronResult:
        """Manage cron's jobs and variables"""

    def debug(
        self,
        msg: Any = ...,
        *,
        var: Any = ...,
        verbosity: int = ...,
        **keywords: Unpack[Keywords],
    ) -> DebugResult:
        """Show a message or a variable's value"""

    def fail(
        self,
        msg: str = ...,
        **keywords: Unpack[Keywords],
    ) -> FailResult:
        """Fail with a message"""

    def fetch(
        self,
        src: str | PathLike[str] = ...,
        *,
        dest: str | PathLike[str] = ...,
        flat: bool = ...,
        fail_on_missing: bool = ...,
        validate_checksum: bool = ...,
        have: str = ...,
        **keywords: Unpack[Keywords],
    ) -> FetchResult:
        """Copy a file from the target to the controller"""

    def file(
        self,
        path: str | PathLike[str] = ...,
        *,
        mode: Any = ...,
        owner: str = ...,
        group: str = ...,
        attributes: str = ...,
        seuser: str = ...,
        serole: str = ...,
        setype: str = ...,
        selevel: str = ...,
        unsafe_writes: bool = ...,
        state: Literal['absent', 'directory', 'file', 'hard', 'link', 'touch'] = ...,
        src: str | PathLike[str] = ...,
        recurse: bool = ...,
        force: bool = ...,
        follow: bool = ...,
        modification_time: str = ...,
        modification_time_format: str = ...,
        access_time: str = ...,
        access_time_format: str = ...,
        _original_basename: str = ...,
        _diff_peek: bool = ...,
        **keywords: Unpack[Keywords],
    ) -> FileResult:
        """Manage files, directories, links and their attributes"""

    def find(
        self,
        paths: Sequence[str | PathLike[str]] | str | PathLike[str] = ...,
        *,
        patterns: Sequence[str] | str = ...,
        excludes: Sequence[str] | str = ...,
        use_regex: bool = ...,
        contains: str = ...,
        read_whole_file: bool = ...,
        encoding: str = ...,
        file_type: Literal['any', 'directory', 'file', 'link'] = ...,
        recurse: bool = ...,
        depth: int = ...,
        hidden: bool = ...,
        follow: bool = ...,
        age: str = ...,
        age_stamp: Literal['atime', 'ctime', 'mtime'] = ...,
        size: str = ...,
        mode: Any = ...,
        exact_mode: bool = ...,
        get_checksum: bool = ...,
        checksum_algorithm: Literal['md5', 'sha1', 'sha224', 'sha256', 'sha384', 'sha512'] = ...,
        limit: int = ...,
        **keywords: Unpack[Keywords],
    ) -> FindResult:
        """Find files by name, age, size or content"""

    def get_url(
        self,
        timeout: float = ...,
        *,
        headers: Mapping[str, Any] = ...,
        http_agent: str = ...,
        url_username: str = ...,
        url_password: str = ...,
        force_basic_auth: bool = ...,
        validate_certs: bool = ...,
        ca_path: str | PathLike[str] = ...,
        use_proxy: bool = ...,
        url: str = ...,
        dest: str | PathLike[str] = ...,
        checksum: str = ...,
        force: bool = ...,
        backup: bool = ...,
        tmp_dest: str | PathLike[str] = ...,
        mode: Any = ...,
        owner: str = ...,
        group: str = ...,
        attributes: str = ...,
        seuser: str = ...,
        serole: str = ...,
        setype: str = ...,
        selevel: str = ...,
        unsafe_writes: bool = ...,
        **more: Any,
    ) -> GetUrlResult:
        """Download a file over HTTP, HTTPS or FTP"""

    def git(
        self,
        repo: str = ...,
        *,
        dest: str | PathLike[str] = ...,
        version: str = ...,
        remote: str = ...,
        refspec: str = ...,
        force: bool = ...,
        depth: int = ...,
        single_branch: bool = ...,
        clone: bool = ...,
        update: bool = ...,
        bare: bool = ...,
        reference: str = ...,
        separate_git_dir: str | PathLike[str] = ...,
        recursive: bool = ...,
        track_submodules: bool = ...,
        umask: Any = ...,
        executable: str | PathLike[str] = ...,
        key_file: str | PathLike[str] = ...,
        ssh_opts: str = ...,
        accept_hostkey: bool = ...,
        accept_newhostkey: bool = ...,
        verify_commit: bool = ...,
        gpg_allowlist: Sequence[str] | str = ...,
        archive: str | PathLike[str] = ...,
        archive_prefix: str = ...,
        **keywords: Unpack[Keywords],
    ) -> GitResult:
        """Check out a git repository"""

    def group(
        self,
        name: str = ...,
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
        """Manage groups"""

    def group_by(
        self,
        key: str = ...,
        *,
        parents: Sequence[str] | str = ...,
        **keywords: Unpack[Keywords],
    ) -> GroupByResult:
        """Put the host into a group named by a variable, for later plays"""

    def guest(
        self,
        name: str = ...,
        *,
        state: Literal['running', 'present', 'stopped', 'absent'] = ...,
        image: str | PathLike[str] = ...,
        disk_size: int | str = ...,
        disks: Sequence[str | PathLike[str]] | str | PathLike[str] = ...,
        pool: str | PathLike[str] = ...,
        memory: int | str = ...,
        vcpus: int = ...,
        networks: Sequence[str] | str = ...,
        bridges: Sequence[str] | str = ...,
        accel: Literal['auto', 'kvm', 'tcg'] = ...,
        cmdline: str = ...,
        hostname: str = ...,
        authorized_keys: Sequence[str] | str = ...,
        user_data: Any = ...,
        network_config: Any = ...,
        known_hosts: str | PathLike[str] = ...,
        autostart: bool = ...,
        wait: Literal['none', 'address', 'ssh'] = ...,
        timeout: float = ...,
        **more: Any,
    ) -> GuestResult:
        """Declare a virtual machine on a hypervisor"""

    def hostname(
        self,
        name: str = ...,
        *,
        use: Literal['alpine', 'debian', 'generic', 'redhat', 'systemd'] = ...,
        **keywords: Unpack[Keywords],
    ) -> HostnameResult:
        """Set the target's name"""

    def hypervisor(
        self,
        state: Literal['running'] = ...,
        *,
        socket: str | PathLike[str] = ...,
        timeout: float = ...,
        **more: Any,
    ) -> HypervisorResult:
        """Make sure that libvirtd answers on a host"""

    def image(
        self,
        name: str = ...,
        *,
        path: str | PathLike[str] = ...,
        suite: str = ...,
        packages: Sequence[str] | str = ...,
        formats: Sequence[Literal['tree', 'disk']] | Literal['tree', 'disk'] = ...,
        size: int | str = ...,
        mirror: str = ...,
        state: Literal['present', 'absent'] = ...,
        **keywords: Unpack[Keywords],
    ) -> ImageResult:
        """Build a Debian image on a host, once"""

    def include_vars(
        self,
        file: str | PathLike[str] = ...,
        *,
        dir: str | PathLike[str] = ...,
        depth: int = ...,
        files_matching: str = ...,
        ignore_files: Sequence[str] | str = ...,
        extensions: Sequence[str] | str = ...,
        ignore_unknown_extensions: bool = ...,
        name: str = ...,
        hash_behaviour: Literal['replace', 'merge'] = ...,
        **keywords: Unpack[Keywords],
    ) -> IncludeVarsResult:
        """Load variables from files"""

    def lineinfile(
        self,
        path: str | PathLike[str] = ...,
        *,
        line: str = ...,
        state: Literal['present', 'absent'] = ...,
        regexp: str = ...,
        search_string: str = ...,
        backrefs: bool = ...,
        insertafter: str = ...,
        insertbefore: str = ...,
        create: bool = ...,
        firstmatch: bool = ...,
        others: str = ...,
        backup: bool = ...,
        validate: str = ...,
        encoding: str = ...,
        mode: Any = ...,
        owner: str = ...,
        group: str = ...,
        attributes: str = ...,
        seuser: str = ...,
        serole: str = ...,
        setype: str = ...,
        selevel: str = ...,
        unsafe_writes: bool = ...,
        **keywords: Unpack[Keywords],
    ) -> LineinfileResult:
        """Make sure that a line is in a text file, or is not"""

    def network(
        self,
        name: str = ...,
        *,
        state: Literal['running', 'present', 'stopped', 'absent'] = ...,
        forward: Literal['nat', 'route', 'open', 'none', 'isolated', 'bridge'] = ...,
        bridge: str = ...,
        address: str = ...,
        dhcp: Sequence[str] | str = ...,
        reservations: Mapping[str, Any] = ...,
        domain: str = ...,
        dns: Mapping[str, Any] = ...,
        mtu: int = ...,
        vxlan: Mapping[str, Any] = ...,
        uplink: str = ...,
        vlan: int = ...,
        autostart: bool = ...,
        restart: bool = ...,
        force: bool = ...,
        uri: str = ...,
        **keywords: Unpack[Keywords],
    ) -> NetworkResult:
        """Declare a libvirt network on a hypervisor"""

    def network_port(
        self,
        network: str = ...,
        *,
        bridge: str = ...,
        vxlan: Mapping[str, Any] = ...,
        uplink: str = ...,
        vlan: int = ...,
        mtu: int = ...,
        state: Literal['present', 'stopped', 'absent'] = ...,
        **keywords: Unpack[Keywords],
    ) -> NetworkPortResult:
        """Put a VXLAN, a NIC or a VLAN on a network's bridge"""

    def package(
        self,
        name: Sequence[str] | str = ...,
        *,
        state: str = ...,
        use: str = ...,
        **keywords: Unpack[Keywords],
    ) -> PackageResult:
        """Manage packages with the target's package manager"""

    def pause(
        self,
        minutes: float = ...,
        *,
        seconds: float = ...,
        prompt: str = ...,
        echo: bool = ...,
        **keywords: Unpack[Keywords],
    ) -> PauseResult:
        """Wait some time, or for a person at the terminal"""

    def ping(
        self,
        data: str = ...,
        **keywords: Unpack[Keywords],
    ) -> PingResult:
        """Check that a target can be reached and runs Python"""

    def raw(
        self,
        _raw: str = ...,
        *,
        executable: str | PathLike[str] = ...,
        **keywords: Unpack[Keywords],
    ) -> RawResult:
        """Run a command line without Python on the target"""

    def replace(
        self,
        path: str | PathLike[str] = ...,
        *,
        regexp: str = ...,
        replace: str = ...,
        after: str = ...,
        before: str = ...,
        backup: bool = ...,
        validate: str = ...,
        encoding: str = ...,
        mode: Any = ...,
        owner: str = ...,
        group: str = ...,
        attributes: str = ...,
        seuser: str = ...,
        serole: str = ...,
        setype: str = ...,
        selevel: str = ...,
        unsafe_writes: bool = ...,
        **keywords: Unpack[Keywords],
    ) -> ReplaceResult:
        """Replace all matches of a regular expression in a text file"""

    def script(
        self,
        _raw_params: str = ...,
        *,
        creates: str = ...,
        removes: str = ...,
        chdir: str = ...,
        executable: str = ...,
        **keywords: Unpack[Keywords],
    ) -> ScriptResult:
        """Run a script of the controller on the target"""

    def service(
        self,
        name: str = ...,
        *,
        state: Literal['reloaded', 'restarted', 'started', 'stopped'] = ...,
        enabled: bool = ...,
        pattern: str = ...,
        sleep: int = ...,
        runlevel: str = ...,
        arguments: str = ...,
        use: Literal['auto', 'openrc', 'service', 'systemd', 'sysvinit'] = ...,
        **keywords: Unpack[Keywords],
    ) -> ServiceResult:
        """Manage services"""

    def set_fact(
        self,
        *,
        cacheable: bool = ...,
        **more: Any,
    ) -> SetFactResult:
        """Set variables of a host, for the rest of the run"""

    def setup(
        self,
        gather_subset: Sequence[str] | str = ...,
        *,
        gather_timeout: int = ...,
        filter: Sequence[str] | str = ...,
        fact_path: str | PathLike[str] = ...,
        **keywords: Unpack[Keywords],
    ) -> SetupResult:
        """Gather facts about the target"""

    def shell(
        self,
        _raw_params: str = ...,
        *,
        chdir: str | PathLike[str] = ...,
        creates: str = ...,
        removes: str = ...,
        stdin: str = ...,
        stdin_add_newline: bool = ...,
        strip_empty_ends: bool = ...,
        executable: str | PathLike[str] = ...,
        **keywords: Unpack[Keywords],
    ) -> ShellResult:
        """Run a command line through a shell"""

    def slurp(
        self,
        src: str | PathLike[str] = ...,
        *,
        armor: bool = ...,
        **keywords: Unpack[Keywords],
    ) -> SlurpResult:
        """Read a file of the target"""

    def stat(
        self,
        path: str | PathLike[str] = ...,
        *,
        follow: bool = ...,
        get_checksum: bool = ...,
        checksum_algorithm: Literal['md5', 'sha1', 'sha224', 'sha256', 'sha384', 'sha512'] = ...,
        get_mime: bool = ...,
        get_attributes: bool = ...,
        get_selinux_context: bool = ...,
        **keywords: Unpack[Keywords],
    ) -> StatResult:
        """Look at a file or directory"""

    def systemd(
        self,
        name: str = ...,
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
        """Manage units of systemd"""

    def systemd_service(
        self,
        name: str = ...,
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
        """Manage units of systemd (the same as systemd)"""

    def tempfile(
        self,
        state: Literal['file', 'directory'] = ...,
        *,
        path: str | PathLike[str] = ...,
        prefix: str = ...,
        suffix: str = ...,
        **keywords: Unpack[Keywords],
    ) -> TempfileResult:
        """Make a temporary file or directory"""

    def template(
        self,
        src: str | PathLike[str] = ...,
        *,
        dest: str | PathLike[str] = ...,
        backup: bool = ...,
        force: bool = ...,
        follow: bool = ...,
        validate: str = ...,
        mode: Any = ...,
        owner: str = ...,
        group: str = ...,
        attributes: str = ...,
        seuser: str = ...,
        serole: str = ...,
        setype: str = ...,
        selevel: str = ...,
        unsafe_writes: bool = ...,
        newline_sequence: Literal['\n', '\r', '\r\n', '\\n', '\\r', '\\r\\n'] = ...,
        trim_blocks: bool = ...,
        lstrip_blocks: bool = ...,
        output_encoding: str = ...,
        block_start_string: str = ...,
        block_end_string: str = ...,
        variable_start_string: str = ...,
        variable_end_string: str = ...,
        comment_start_string: str = ...,
        comment_end_string: str = ...,
        **keywords: Unpack[Keywords],
    ) -> TemplateResult:
        """Write a file from a Jinja2 template"""

    def unarchive(
        self,
        src: str | PathLike[str] = ...,
        *,
        dest: str | PathLike[str] = ...,
        remote_src: bool = ...,
        creates: str | PathLike[str] = ...,
        exclude: Sequence[str] | str = ...,
        include: Sequence[str] | str = ...,
        keep_newer: bool = ...,
        list_files: bool = ...,
        mode: Any = ...,
        owner: str = ...,
        group: str = ...,
        attributes: str = ...,
        seuser: str = ...,
        serole: str = ...,
        setype: str = ...,
        selevel: str = ...,
        unsafe_writes: bool = ...,
        **keywords: Unpack[Keywords],
    ) -> UnarchiveResult:
        """Unpack a tar or zip archive"""

    def uri(
        self,
        timeout: float = ...,
        *,
        headers: Mapping[str, Any] = ...,
        http_agent: str = ...,
        url_username: str = ...,
        url_password: str = ...,
        force_basic_auth: bool = ...,
        validate_certs: bool = ...,
        ca_path: str | PathLike[str] = ...,
        use_proxy: bool = ...,
        url: str = ...,
        method: str = ...,
        body: Any = ...,
        body_format: Literal['raw', 'json', 'form-urlencoded'] = ...,
        src: str | PathLike[str] = ...,
        status_code: Sequence[int] | int = ...,
        return_content: bool = ...,
        follow_redirects: Literal['all', 'yes', 'safe', 'urllib2', 'none', 'no'] = ...,
        dest: str | PathLike[str] = ...,
        creates: str = ...,
        removes: str = ...,
        mode: Any = ...,
        owner: str = ...,
        group: str = ...,
        attributes: str = ...,
        seuser: str = ...,
        serole: str = ...,
        setype: str = ...,
        selevel: str = ...,
        unsafe_writes: bool = ...,
        **more: Any,
    ) -> UriResult:
        """Talk to a web service over HTTP"""

    def user(
        self,
        name: str = ...,
        *,
        state: Literal['absent', 'present'] = ...,
        uid: int = ...,
        uid_min: int = ...,
        uid_max: int = ...,
        non_unique: bool = ...,
        comment: str = ...,
        group: str = ...,
        groups: Sequence[str] | str = ...,
        append: bool = ...,
        home: str | PathLike[str] = ...,
        create_home: bool = ...,
        move_home: bool = ...,
        skeleton: str = ...,
        umask: str = ...,
        shell: str | PathLike[str] = ...,
        system: bool = ...,
        password: str = ...,
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
        seuser: str = ...,
        generate_ssh_key: bool = ...,
        ssh_key_type: str = ...,
        ssh_key_bits: int = ...,
        ssh_key_file: str | PathLike[str] = ...,
        ssh_key_comment: str = ...,
        ssh_key_passphrase: str = ...,
        **keywords: Unpack[Keywords],
    ) -> UserResult:
        """Manage user accounts"""

    def volume(
        self,
        name: str = ...,
        *,
        pool: str | PathLike[str] = ...,
        size: int | str = ...,
        format: Literal['qcow2', 'raw'] = ...,
        backing: str | PathLike[str] = ...,
        backing_format: Literal['qcow2', 'raw'] = ...,
        state: Literal['present', 'absent'] = ...,
        **keywords: Unpack[Keywords],
    ) -> VolumeResult:
        """Declare a disk volume on a hypervisor"""

    def wait_for(
        self,
        host: str = ...,
        *,
        port: int = ...,
        path: str | PathLike[str] = ...,
        search_regex: str = ...,
        state: Literal['absent', 'drained', 'present', 'started', 'stopped'] = ...,
        delay: int = ...,
        timeout: int = ...,
        sleep: int = ...,
        connect_timeout: int = ...,
        active_connection_states: Sequence[str] | str = ...,
        exclude_hosts: Sequence[str] | str = ...,
        msg: str = ...,
        **more: Any,
    ) -> WaitForResult:
        """Wait for a port, a file or some time"""
