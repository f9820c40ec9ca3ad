"""Secrets as Ansible Vault writes them, and keeping secrets out of what is shown."""

from fleet.vault.vault import Vault

__all__ = ["Vault"]
