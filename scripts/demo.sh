#!/bin/sh
# The practice fleet and the main job, twice if asked twice: the second time nothing changes.
set -eu
cd "$(dirname "$0")/.."
fleet=.venv/bin/fleet
if [ "$(id -u)" = 0 ]; then
    $fleet lab up 3 --hypervisors 1
else
    echo "the practice fleet needs root for network namespaces and mounts; asking sudo"
    sudo env "HOME=$HOME" ${XDG_STATE_HOME:+"XDG_STATE_HOME=$XDG_STATE_HOME"} $fleet lab up 3 --hypervisors 1
fi
$fleet apply -i inventory playbooks/site.yml
printf '\nWhat waits for a boot of its guest:\n'
$fleet guest pending -i inventory hypervisors
cat <<'NEXT'

Try next:
  .venv/bin/fleet plan -i inventory playbooks/site.yml -e greeting=Welcome     what one variable would change, and where
  .venv/bin/fleet run -i inventory containers -a 'cat /srv/app/index.html'     one command in every container
  .venv/bin/fleet guest reboot -i inventory hypervisors web1 --pending         one reboot for all that waits
  .venv/bin/fleet apply -i inventory playbooks/site.py                         the same site in Python: nothing changes
NEXT
