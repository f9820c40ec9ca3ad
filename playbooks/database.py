"""The same as database.yml, in Python: one play, in which every server waits for what it needs of the others."""

from fleet import Host, play

DATA = "/var/lib/postgresql/15/main"


@play(hosts="databases", become=True, roles=["postgresql"])
def database(t: Host) -> None:
    """A PostgreSQL primary and its streaming replicas"""
    names = t.hosts("databases")
    if t.name == names[0]:
        replication_user(t, t.vars.postgres_replication_password)
    t.wait_all()
    if t.name != names[0]:
        replica_of(t, t.hostvars[names[0]]["ansible_host"], t.vars.postgres_replication_password)
    t.wait_all()
    if t.name == names[0] and not t.check:
        sql(t, "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'", until=lambda said: int(said["stdout"]) == len(names) - 1)


def sql(t: Host, query: str, **keywords: object) -> str:
    """What a query that changes nothing says."""
    retry = {"retries": 20, "delay": 1, **keywords} if keywords else {}
    return t.command(["psql", "-Atc", query], become_user="postgres", changed_when=False, check_mode=False, **retry).stdout  # type: ignore[arg-type]


def replication_user(t: Host, password: str) -> None:
    if sql(t, "SELECT 1 FROM pg_roles WHERE rolname = 'replicator'") != "1":
        t.command(["psql", "-q", "-v", "ON_ERROR_STOP=1"], stdin=f"CREATE ROLE replicator LOGIN REPLICATION PASSWORD '{password}'",
                  become_user="postgres", no_log=True)


def replica_of(t: Host, primary: str, password: str) -> None:
    """Make a server a replica, once; its own data goes."""
    if t.stat(f"{DATA}/standby.signal").stat.exists:
        return
    t.service("postgresql", state="stopped")
    t.file(DATA, state="absent")
    t.command(["pg_basebackup", "-h", primary, "-U", "replicator", "-D", DATA, "-R", "-X", "stream", "-c", "fast"],
              environment={"PGPASSWORD": password}, become_user="postgres", no_log=True)
    t.service("postgresql", state="started")
