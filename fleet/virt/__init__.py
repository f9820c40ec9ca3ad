"""libvirt: connections over the SSH connection there is, and declared guests, networks and volumes. See docs/virtualization.md."""
