"""The same small fleet as site.yml, in Python."""

from fleet import Host, play

SERVE = ["busybox", "httpd", "-f", "-p", "8080", "-h", "/srv/app"]


@play(hosts="hypervisors")
def image(t: Host) -> None:
    """An image, built once"""
    t.apt("mmdebstrap")
    t.image("app", store=t.vars.images, formats=["disk", "tree"], packages=["less"], roles=["app"], vars={"greeting": "Hello"})


@play(hosts="container_hosts")
def fan_out(t: Host) -> None:
    """The same image where containers run"""
    t.image("app", store=t.vars.images, source=t.vars.groups["hypervisors"][0])
    t.rollout("app", store=t.vars.images, check=["test", "-e", "/srv/app/index.html"])


@play(hosts="hypervisors")
def guests(t: Host) -> None:
    """Guests"""
    folder = t.vars.lab_folder
    t.hypervisor()
    t.network("fleetlab", address="192.168.150.1/24", dhcp=["192.168.150.100", "192.168.150.199"], reservations={"web1": "192.168.150.20"})
    with open(f"{t.vars.lab_key}.pub") as file:
        key = file.read().strip()
    t.guest_rollout("app", store=t.vars.images, check=["systemctl", "is-active", "app"])
    guest = t.guest("web1", image=f"{t.vars.images}/app", max_memory="1G", vcpus=2, networks=["fleetlab"],
                    authorized_keys=[key], known_hosts=f"{folder}/guests_known_hosts", wait="ssh")
    t.guest("web1", memory="640M", disks=[{"name": "data", "size": "1G"}])  # grown while it runs
    t.guest("web1", watchdog="reset")  # waits for a boot
    if guest:  # a plan before there is libvirt has no result to show
        t.debug(guest.accel_reason)


@play(hosts="container_hosts")
def containers(t: Host) -> None:
    """Containers"""
    tree = f"{t.vars.images}/app"
    t.container("box", backend="chroot", image=tree, command=["sleep", "infinity"], state="running")
    t.container("site", backend="nspawn", image=tree, command=SERVE, state="running")


@play(hosts="practice:guests:containers")
def app(t: Host) -> None:
    """The same role on hosts, guest and containers"""
    t.role(everywhere, app_packages=["less"])


def everywhere(t: Host, app_packages: list[str], app_root: str = "/srv/app") -> None:
    """A role is a function with typed parameters, which its templates see; they and its files are those of the YAML role."""
    service = t.facts.service_mgr == "systemd"
    t.apt(app_packages)
    t.user("app", system=True, home=app_root, create_home=False, shell="/usr/sbin/nologin")
    t.copy("../roles/app/files/tree/", dest=f"{app_root}/", owner="app", group="app")
    t.template("../roles/app/templates/index.html.j2", dest=f"{app_root}/index.html", owner="app", group="app", mode="0644")
    if service:
        unit = t.template("../roles/app/templates/app.service.j2", dest="/etc/systemd/system/app.service", mode="0644")
        t.systemd("app", enabled=True, state="started", daemon_reload=True)
        if unit.changed:
            t.systemd("app", state="restarted")
