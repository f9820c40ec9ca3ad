"""Target side: one file a module. Standard library only, Python 3.6 syntax; the contract is fleet.runner.module."""
