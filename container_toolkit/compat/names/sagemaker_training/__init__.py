"""Stands in for the peer of this name; see `container_toolkit.compat`."""
