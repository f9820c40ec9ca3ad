"""Bytes to one place: ssh, local, a container through its host, a guest through its hypervisor."""
