"""What an entry that comes over the network may name: hosts, files, code. Standard library only.

Who may write entries makes this machine connect and read with its own rights, so that each of these is a way in.
"""

import ipaddress
import re
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from cronocast.errors import Problem, seen
from cronocast.models.table import MODELS
from cronocast.registry import row_of

METADATA_NAMES = frozenset(("metadata", "metadata.google.internal", "instance-data", "metadata.azure.internal"))
# Where clouds tell a machine its secrets, beside link-local addresses: Alibaba, Oracle, Azure, AWS by IPv6.
METADATA = frozenset(map(ipaddress.ip_address, ("100.100.100.200", "192.0.0.192", "168.63.129.16", "fd00:ec2::254")))
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
HOST_KEYS = ("url", "host")
PATH_KEYS = re.compile(r"path|folder|file|(.*_)?(dir|path|folder)")


@dataclass(frozen=True)
class Policy:
    """What entries may name.

    Attributes:
        hosts: Hosts that they may name, `*.example.org` for all below one; empty: any but those that are never sound,
            and none of this machine itself.
        secrets: Folder in which the files of passwords, tokens and certificates lie; "" where they may name none.
    """

    hosts: tuple[str, ...] = ()
    secrets: str = ""

    def problems(self, document: Any) -> list[Problem]:  # noqa: ANN401 - untrusted data
        """What a document names and may not; each with its path."""
        return [problem for key, where, value in _texts(document, "") for problem in self._of(key, where, value)]

    def _of(self, key: str, where: str, value: str) -> Iterator[Problem]:
        if key in HOST_KEYS:
            fault = self.host_fault(_host(value) if key == "url" else value)
            if fault:
                yield Problem("E_HOST", where, fault)
        elif key.endswith("_file"):
            if not self._is_secret(value):
                place = f"a file in {self.secrets}" if self.secrets else "none: this server is given no folder for them"
                yield Problem("E_PATH", where, f"{seen(value)} may not be read; allowed: {place}")
        elif PATH_KEYS.fullmatch(key):
            yield Problem("E_PATH", where, "files of the server may not be named here; leave it out")
        elif key in ("model", "candidates") and ":" in value and row_of(MODELS, value) is None:
            yield Problem("E_MODEL", where, f"{seen(value)} is code of one's own; allowed: models of the table")

    def _is_secret(self, value: str) -> bool:
        path, folder = PurePosixPath(value), PurePosixPath(self.secrets)
        return bool(self.secrets) and path.is_relative_to(folder) and ".." not in path.parts and path != folder

    def host_fault(self, host: str) -> str:
        """Why a host may not be named; "" where it may. What is no host at all is left to the check of the entry."""
        name = host.lower().rstrip(".")
        listed = any(_matches(name, pattern) for pattern in self.hosts)
        if self.hosts and not listed:
            return f"{seen(host)} is not among the hosts that entries may name: {', '.join(self.hosts)}"
        if name in METADATA_NAMES:
            return f"{seen(host)} tells a machine its secrets; name the database server itself"
        for address in addresses_of(name):
            if fault := address_fault(address, listed=listed):
                shown = "" if str(address) == name else f" ({address})"
                return f"{seen(host)}{shown} {fault}"
        return ""


def _matches(host: str, pattern: str) -> bool:
    pattern = pattern.lower()
    return host.endswith(pattern[1:]) if pattern.startswith("*.") else host == pattern


Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def address_fault(address: Address, *, listed: bool) -> str:
    """Why nothing may connect to an address; "" where it may."""
    plain = _unwrapped(address)
    if plain.is_link_local or plain.is_multicast or plain.is_unspecified or plain in METADATA:
        return "is a link-local, metadata, multicast or unspecified address; name the database server itself"
    if plain.is_loopback and not listed:
        return "is this machine itself; who runs the server can allow it by --allowed-hosts"
    return ""


def _unwrapped(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for, where it does."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def addresses_of(host: str) -> Sequence[Address]:
    """The addresses of a host, as this machine knows them; none where it knows none."""
    try:
        return [ipaddress.ip_address(host)]
    except ValueError:
        pass
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return [ipaddress.ip_address(str(item[4][0]).partition("%")[0]) for item in found]


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _texts(value: Any, where: str, key: str = "") -> Iterator[tuple[str, str, str]]:  # noqa: ANN401
    """Every text of a document: the key that it stands under, its path, and itself; of a list, the key of the list."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _texts(item, f"{where}.{name}" if where else str(name), str(name))
    elif isinstance(value, list):
        for i, item in enumerate(value):
            yield from _texts(item, f"{where}[{i}]", key)
    elif isinstance(value, str):
        yield key, where, value
