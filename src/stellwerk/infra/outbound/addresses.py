"""Reading addresses strictly, and telling which of them belong to the public internet."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

_MOST = 2048
_PLAIN = re.compile(r"[\x21-\x7e]+\Z")
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\Z")
# What other programs read as a number: 2130706433, 0x7f.1, 0177.0.0.1.
_NUMBER = re.compile(r"(0x[0-9a-f]*|[0-9]+)\Z")
_PORTS = {"https": 443, "http": 80}

# IANA's registries of special addresses; the standard library's own list differs between releases of Python.
_REFUSED_V4 = tuple(ipaddress.IPv4Network(text) for text in (
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
    "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24",
    "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
    # Public by its number, but inside of one cloud it is the host that a machine runs on.
    "168.63.129.16/32"))
_PUBLIC_V6 = ipaddress.IPv6Network("2000::/3")
_REFUSED_V6 = tuple(ipaddress.IPv6Network(text) for text in (
    "2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20"))
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes: ``host`` is a name or a plain address, ``path`` includes the query."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def written(self) -> str:
        """The host as it stands in an address: in brackets where it is of version 6."""
        return f"[{self.host}]" if ":" in self.host else self.host

    @property
    def authority(self) -> str:
        """What the Host header says."""
        return self.written if self.port == _PORTS[self.scheme] else f"{self.written}:{self.port}"


def parse(url: str) -> Target:
    """Return the parts of an address; raises ValueError with a sentence on what is wrong with it."""
    if not url.strip():
        raise ValueError("it is empty")
    if len(url) > _MOST:
        raise ValueError(f"it is longer than {_MOST} characters")
    if not _PLAIN.match(url) or "\\" in url:
        raise ValueError("it holds characters that do not stand in an address; percent-encode them, and write a "
                         "name beyond ASCII in its xn-- form")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("it cannot be read as scheme, host, port and path") from None
    if parts.scheme not in _PORTS:
        raise ValueError(f"its scheme is {parts.scheme[:20]!r}")
    if "@" in parts.netloc:
        raise ValueError("it holds a user name or a password")
    if port == 0 or parts.netloc.endswith(":"):
        raise ValueError("its port is no port")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, _host(parts.hostname or "", "[" in parts.netloc), port or _PORTS[parts.scheme], path)


def _host(text: str, bracketed: bool) -> str:
    if bracketed:
        try:
            if "%" in text:
                raise ValueError
            return str(ipaddress.IPv6Address(text))
        except ValueError:
            raise ValueError("its host is no address of IP version 6; a zone may not stand in it") from None
    name = text.removesuffix(".")
    labels = name.split(".")
    if not name:
        raise ValueError("it has no host")
    if _NUMBER.match(labels[-1]):
        try:
            return str(ipaddress.IPv4Address(name))
        except ValueError:
            raise ValueError("its host is a number that is no address of four decimal parts") from None
    if len(name) > 253 or not all(map(_LABEL.match, labels)):
        raise ValueError("its host is no host name")
    return name


def is_public(text: str) -> bool:
    """Tell whether an IP address belongs to the public internet; one that wraps another never does, but for NAT64."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id is not None:
            return False
        if address in _NAT64:
            return is_public(str(ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)))
        return address in _PUBLIC_V6 and not any(address in network for network in _REFUSED_V6)
    return not any(address in network for network in _REFUSED_V4)
