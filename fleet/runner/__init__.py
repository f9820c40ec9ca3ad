"""The target side: what runs on the machines being configured. Standard library only, Python 3.6 syntax.

Nothing in here, nor in fleet.modules, imports anything of fleet outside these two packages.
"""
