"""The command's entry. `--version` is answered before anything is imported."""

from __future__ import annotations

import sys


def main() -> None:
    """`fleet ...`; ends the process with the exit status."""
    if sys.argv[1:] == ["--version"]:
        from fleet import __version__
        print(f"fleet {__version__}")
        return
    from fleet.cli import run
    sys.exit(run(sys.argv[1:]))


def playbook() -> None:
    """`fleet-playbook ...`: `fleet apply` by the name and with the options of ansible-playbook."""
    from fleet.cli import run
    if sys.argv[1:] == ["--version"]:
        from fleet import __version__
        print(f"fleet-playbook {__version__}")
        return
    sys.exit(run(["apply", "--format", "classic", *sys.argv[1:]]))


if __name__ == "__main__":
    main()
