"""A bake beside mmdebstrap and the same commands in a hand-written script; and what an unchanged image costs.

Both make a Debian root, install the same package and write the same files into it, and end with the tree on the disk.
"""

from __future__ import annotations

import shutil

from benchmarks.harness import FLEET, Bench, Row, Sample, command, in_turns, middle, ratio

RECIPE = "base: {debian: bookworm}\nroles: [work]\nformats: [tree]\n"
ROLE = """\
- apt: {name: [less, nano]}
- user: {name: app, system: true, home: /srv/app, create_home: false, shell: /usr/sbin/nologin}
- file: {path: /srv/app, state: directory, owner: app, mode: "0750"}
- copy: {content: "{{ item }}\\n", dest: "/srv/app/{{ item }}", owner: app, mode: "0640"}
  loop: [one, two, three, four, five]
- lineinfile: {path: /etc/motd, line: "made by hand or not"}
"""
SCRIPT = """\
set -e
mmdebstrap --mode=root --variant=minbase --quiet --skip=cleanup/apt/lists bookworm "$1"
printf '#!/bin/sh\\nexit 101\\n' > "$1/usr/sbin/policy-rc.d"; chmod 755 "$1/usr/sbin/policy-rc.d"
mount -t proc proc "$1/proc"
chroot "$1" sh -e -c '
export DEBIAN_FRONTEND=noninteractive
apt-get -qq install -y --no-install-recommends less nano >/dev/null
useradd --system --home-dir /srv/app --shell /usr/sbin/nologin app
mkdir -p /srv/app; chown app /srv/app; chmod 750 /srv/app
for name in one two three four five; do echo $name > /srv/app/$name; chown app /srv/app/$name; chmod 640 /srv/app/$name; done
echo "made by hand or not" >> /etc/motd
rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /usr/sbin/policy-rc.d'
umount "$1/proc"
sync -f "$1"
"""


def measure(bench: Bench) -> list[Row]:
    folder = bench.folder / "images"
    for name, text in (("roles/work/tasks/main.yml", ROLE), ("bench.yml", RECIPE), ("script.sh", SCRIPT)):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    store, tree = folder / "store", folder / "tree"

    def clear() -> None:
        for path in (store, tree):
            shutil.rmtree(path, ignore_errors=True)

    def build() -> Sample:
        return command([*FLEET, "image", "build", "bench.yml", "--no-journal", "--store", str(store)], cwd=folder)

    made = in_turns({"script": lambda: command(["sh", "script.sh", str(tree)], cwd=folder), "fleet": build}, min(bench.runs, 3),
                    {"script": clear, "fleet": clear})
    build()
    again = in_turns({"fleet": build}, bench.runs)
    clear()
    return [Row("an image baked", ratio(made, "fleet", "script"), 1.3, per="mmdebstrap and the same commands in a script", samples=made),
            Row("an unchanged image", middle(again["fleet"]), 0.5, "s", samples=again)]
