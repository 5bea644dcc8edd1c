"""resourceconfig.json, both directions: which hosts there are, and which one this is."""

from __future__ import annotations

from container_toolkit.contract import documents
from container_toolkit.errors import ConfigError
from container_toolkit.value import Value, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from container_toolkit.contract.layout import Layout

FILE = "resourceconfig.json"
OLD_FILE = "resourceConfig.json"

DEFAULT_HOST = "algo-1"
DEFAULT_INTERFACE = "eth0"
DEFAULT_INSTANCE_TYPE = "local"
DEFAULT_GROUP = "homogeneousCluster"


class InstanceGroup(Value):
    """Hosts of one instance type."""

    name: str
    instance_type: str = DEFAULT_INSTANCE_TYPE
    hosts: tuple[str, ...] = ()


class Cluster(Value):
    """The hosts of the job, in the document's order, and which of them this one is.

    `groups` is empty in the older form of the document; `topology` is there on UltraServers only.
    """

    current_host: str = DEFAULT_HOST
    hosts: tuple[str, ...] = (DEFAULT_HOST,)
    network_interface: str = DEFAULT_INTERFACE
    current_instance_type: str = DEFAULT_INSTANCE_TYPE
    current_group: str = DEFAULT_GROUP
    groups: tuple[InstanceGroup, ...] = ()
    topology: Any = None

    @property
    def size(self) -> int:
        return len(self.hosts)

    @property
    def rank(self) -> int:
        """This host's place among all, 0-based, counted by number: algo-2 before algo-10."""
        return sorted(self.hosts, key=by_number).index(self.current_host)

    @property
    def leader(self) -> str:
        """The first host: the one that saves the model."""
        return min(self.hosts, key=by_number)

    @property
    def is_leader(self) -> bool:
        return self.current_host == self.leader

    def group_hosts(self, name: str) -> tuple[str, ...]:
        """Hosts of one instance group; none where there is no such group."""
        for group in self.groups:
            if group.name == name:
                return group.hosts
        return ()

    def within(self, *groups: str) -> Cluster:
        """The part of the cluster that these instance groups are, seen from this host.

        Raises ConfigError when this host is in none of them.
        """
        hosts = tuple(h for h in self.hosts if any(h in self.group_hosts(g) for g in groups))
        if self.current_host not in hosts:
            raise ConfigError(f"{self.current_host} is in none of the groups {groups}.")
        return replace(self, hosts=hosts)

    @classmethod
    def from_document(cls, document: Mapping[str, Any], path: str = FILE) -> Cluster:
        """Raises ConfigError naming the key."""
        current = documents.text_field(document, "current_host", path, DEFAULT_HOST)
        hosts = host_names(document, path) if "hosts" in document else (current,)
        if current not in hosts:
            raise ConfigError(f"{path}: 'current_host' {current!r} is not among 'hosts' {hosts}.")
        text = documents.text_field
        return cls(
            current_host=current,
            hosts=hosts,
            network_interface=text(document, "network_interface_name", path, DEFAULT_INTERFACE),
            current_instance_type=text(
                document, "current_instance_type", path, DEFAULT_INSTANCE_TYPE
            ),
            current_group=text(document, "current_group_name", path, DEFAULT_GROUP),
            groups=tuple(
                instance_group(entry, number, path)
                for number, entry in enumerate(
                    documents.list_field(document, "instance_groups", path)
                )
            ),
            topology=document.get("topology"),
        )

    def to_document(self) -> dict[str, Any]:
        """Today's form where there are instance groups, the older one where there are none."""
        document: dict[str, Any] = {"current_host": self.current_host}
        if self.groups or self.current_instance_type != DEFAULT_INSTANCE_TYPE:
            document["current_instance_type"] = self.current_instance_type
        if self.groups or self.current_group != DEFAULT_GROUP:
            document["current_group_name"] = self.current_group
        document["hosts"] = list(self.hosts)
        if self.groups:
            document["instance_groups"] = [group_document(group) for group in self.groups]
        document["network_interface_name"] = self.network_interface
        if self.topology is not None:
            document["topology"] = self.topology
        return document


def load(layout: Layout) -> tuple[Cluster, dict[str, Any]]:
    """The cluster, and the document it stands in; no file means one host, this one."""
    for name in (FILE, OLD_FILE):
        path = layout.document(name)
        document = documents.read(path)
        if document is not None:
            return Cluster.from_document(document, path), document
    return Cluster(), Cluster().to_document()


def dump(cluster: Cluster, layout: Layout) -> None:
    documents.write(layout.document(FILE), cluster.to_document())


def by_number(host: str) -> tuple[str, int, str]:
    """Sort key: `algo-2` before `algo-10`, although the document lists them the other way."""
    stem = host.rstrip("0123456789")
    digits = host[len(stem) :]
    return (stem, int(digits[:18] or "0"), host)


def host_names(document: Mapping[str, Any], path: str) -> tuple[str, ...]:
    names = documents.list_field(document, "hosts", path)
    for name in names:
        if not isinstance(name, str) or not name:
            raise ConfigError(f"{path}: 'hosts' must hold host names, not {name!r}.")
        documents.clean(name, "hosts", path)
    if not names:
        raise ConfigError(f"{path}: 'hosts' is empty; it must name at least this host.")
    if len(set(names)) < len(names):
        raise ConfigError(f"{path}: 'hosts' names a host twice.")
    return tuple(names)


def instance_group(entry: Any, number: int, path: str) -> InstanceGroup:
    where = f"{path}, instance_groups[{number}]"
    if not isinstance(entry, dict):
        raise ConfigError(f"{where} must be an object, not {documents.kind(entry)}.")
    return InstanceGroup(
        name=documents.text_field(entry, "instance_group_name", where, None),
        instance_type=documents.text_field(entry, "instance_type", where, DEFAULT_INSTANCE_TYPE),
        hosts=host_names(entry, where),
    )


def group_document(group: InstanceGroup) -> dict[str, Any]:
    return {
        "instance_group_name": group.name,
        "instance_type": group.instance_type,
        "hosts": list(group.hosts),
    }
