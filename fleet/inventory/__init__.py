"""Inventories: what hosts there are, in which groups, with which variables. See docs/inventory.md."""

from fleet.inventory.inventory import Inventory
from fleet.inventory.load import load_inventory

__all__ = ["Inventory", "load_inventory"]
