#!/bin/sh
# Install what fleet needs to be developed, tested and shown: Debian packages, and a virtual environment in .venv. Quick when all is there.
set -eu
cd "$(dirname "$0")/.."
PACKAGES="qemu-system-x86 qemu-utils ovmf swtpm swtpm-tools libxml2-utils libvirt-daemon-system libvirt-clients libvirt-dev dnsmasq-base mmdebstrap systemd-container \
lxc crun uidmap \
squashfs-tools mtools fdisk grub-common grub-pc-bin grub-efi-amd64-bin skopeo podman gpgv zstd \
iptables nftables iproute2 btrfs-progs lvm2 openssh-server openssh-client sudo e2fsprogs gcc pkg-config python3-dev python3-venv git curl"

missing=
for package in $PACKAGES; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing="$missing $package"
done
if [ -n "$missing" ]; then
    echo "setup: installing Debian packages:$missing"
    sudo=
    [ "$(id -u)" = 0 ] || sudo=sudo
    export DEBIAN_FRONTEND=noninteractive
    $sudo apt-get -qq update
    # shellcheck disable=SC2086 # a list of words
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends -y $missing >/dev/null
fi

stamp=.venv/.setup
wanted=$(cat pyproject.toml constraints.txt | sha256sum)
if [ "$(cat $stamp 2>/dev/null)" != "$wanted" ]; then
    echo "setup: installing fleet into .venv"
    python=
    for each in python3 python3.13 python3.12 python3.11 python3.10; do
        if command -v $each >/dev/null && $each -c 'import sys; sys.exit(sys.version_info < (3, 10))'; then
            python=$each
            break
        fi
    done
    [ -n "$python" ] || { echo "setup: fleet needs Python 3.10 or later" >&2; exit 1; }
    [ -x .venv/bin/pip ] || $python -m venv .venv
    .venv/bin/pip install -q --disable-pip-version-check -c constraints.txt -e '.[dev,sbom,virt]'
    echo "$wanted" > $stamp
fi
.venv/bin/python -m compileall -q fleet  # also where PYTHONDONTWRITEBYTECODE is set, every command would else compile all it imports
