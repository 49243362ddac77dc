"""How values are written on a command line, read as iproute2 reads them: numbers, addresses, prefixes, MACs, names.

Pure functions from text to a value in canonical form, None when the text is none. ``grammar.Words`` wraps them with the
tool's refusals.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from typing import NamedTuple

from nsmagic.sentences import say

FOREVER = 0xFFFFFFFF

#: Names of ``/etc/iproute2/rt_*`` as every distribution ships them. Tables that a lab's own rt_tables names are left to the real tool.
TABLES: Mapping[str, int] = {"default": 253, "main": 254, "local": 255}
SCOPES: Mapping[str, int] = {"global": 0, "site": 200, "link": 253, "host": 254, "nowhere": 255}
PROTOCOLS: Mapping[str, int] = {
    "unspec": 0, "redirect": 1, "kernel": 2, "boot": 3, "static": 4, "gated": 8, "ra": 9, "mrt": 10, "zebra": 11,
    "bird": 12, "dnrouted": 13, "xorp": 14, "ntk": 15, "dhcp": 16, "keepalived": 18, "babel": 42, "openr": 99,
    "bgp": 186, "isis": 187, "ospf": 188, "rip": 189, "eigrp": 192,
}  # fmt: skip
#: The commonest names of ``/etc/protocols``.
IPPROTOS: Mapping[str, int] = {
    "icmp": 1, "igmp": 2, "ipencap": 4, "tcp": 6, "udp": 17, "gre": 47, "esp": 50, "ah": 51, "ipv6-icmp": 58, "ospf": 89,
    "sctp": 132,
}  # fmt: skip
GROUPS: Mapping[str, int] = {"default": 0}
DSFIELDS: Mapping[str, int] = {
    "default": 0x00, "AF11": 0x28, "AF12": 0x30, "AF13": 0x38, "AF21": 0x48, "AF22": 0x50, "AF23": 0x58, "AF31": 0x68,
    "AF32": 0x70, "AF33": 0x78, "AF41": 0x88, "AF42": 0x90, "AF43": 0x98, "CS1": 0x20, "CS2": 0x40, "CS3": 0x60,
    "CS4": 0x80, "CS5": 0xA0, "CS6": 0xC0, "CS7": 0xE0, "EF": 0xB8,
}  # fmt: skip

_NUMBER = re.compile(r"[ \t\n\v\f\r]*([+-]?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)\Z")
_OCTET = re.compile(r"0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*")
_HEX = re.compile(r"[0-9a-fA-F]{1,8}\Z")


def read_number(text: str, low: int = 0, high: int = 0xFFFFFFFF) -> int | None:
    """A whole number as C's ``strtoul(text, …, 0)`` reads it, or None when it is none or outside ``low…high``.

    >>> read_number("0x10"), read_number("010"), read_number("12x"), read_number("-1"), read_number("-1", -5)
    (16, 8, None, None, -1)
    """
    found = _NUMBER.match(text) if len(text) < 64 else None
    if found is None:
        return None
    sign, digits = found.groups()
    value = _c_integer(digits)
    value = -value if sign == "-" else value
    return value if low <= value <= high else None


def _c_integer(digits: str) -> int:
    if digits[:2] in ("0x", "0X"):
        return int(digits, 16)
    return int(digits, 8) if digits.startswith("0") else int(digits)


def read_ipv4(text: str) -> str | None:
    """An IPv4 address as iproute2 reads it: missing bytes on the right are 0.

    >>> read_ipv4("10.8"), read_ipv4("192.168.015.1"), read_ipv4("1.2.3.4.5"), read_ipv4("1.2.3.256")
    ('10.8.0.0', '192.168.13.1', None, None)
    """
    if len(text) > 64:
        return None
    parts = text.split(".")
    if len(parts) > 4 or not all(_OCTET.fullmatch(part) for part in parts):
        return None
    values = [_c_integer(part) for part in parts]
    if any(value > 255 for value in values):
        return None
    return ".".join(map(str, values + [0] * (4 - len(values))))


def read_ipv6(text: str) -> str | None:
    """An IPv6 address in canonical form, as the C library writes it.

    >>> read_ipv6("FD00:0::1"), read_ipv6("::ffff:1.2.3.4"), read_ipv6("fe80::1%eth0")
    ('fd00::1', '::ffff:1.2.3.4', None)
    """
    if not text.isascii() or "\0" in text or len(text) > 64:
        return None
    try:
        return socket.inet_ntop(socket.AF_INET6, socket.inet_pton(socket.AF_INET6, text))
    except OSError:
        return None


def family_of(address: str) -> str:
    """``inet`` or ``inet6``.

    >>> family_of("::1"), family_of("10.0.0.1/8")
    ('inet6', 'inet')
    """
    return "inet6" if ":" in address else "inet"


def read_address(text: str, family: str | None = None) -> str | None:
    """An address of that family (None: of either) in canonical form, or None."""
    if ":" in text:
        return read_ipv6(text) if family in (None, "inet6") else None
    return read_ipv4(text) if family in (None, "inet") else None


class Prefix(NamedTuple):
    """An address with the number of its leading bits that count. ``given``: the length was typed.

    ``any`` is how ``default``, ``any`` or ``all`` was typed; address and family are then empty unless the family was known.
    """

    family: str
    address: str
    prefixlen: int
    given: bool = False
    any: str = ""

    @property
    def full(self) -> int:
        """The length of a host: 32 or 128."""
        return 128 if self.family == "inet6" else 32

    @property
    def host(self) -> bool:
        """Whether it is one address."""
        return self.prefixlen == self.full and not self.any

    def __str__(self) -> str:
        return f"{self.address}/{self.prefixlen}"


def read_prefix(text: str, family: str | None = None) -> Prefix | None:
    """An address, prefix, ``default``, ``any`` or ``all`` as iproute2's ``get_prefix`` reads it, or None.

    >>> read_prefix("10/8")
    Prefix(family='inet', address='10.0.0.0', prefixlen=8, given=True, any='')
    >>> read_prefix("10.1.2.3/255.255.0.0").prefixlen, read_prefix("10.0.0.0/33"), read_prefix("default/8")
    (16, None, None)
    """
    head, slash, tail = text.partition("/")
    if head in ("default", "any", "all"):
        return None if slash else Prefix(family or "", "", 0, head == "default", head)
    address = read_address(head, family)
    if address is None:
        return None
    family = family_of(address)
    full = 128 if family == "inet6" else 32
    if not slash:
        return Prefix(family, address, full)
    length = read_number(tail, 0, full)
    if length is None:
        length = _mask_length(tail)
    if length is None or length > full:
        return None
    return Prefix(family, address, length, True)


def _mask_length(text: str) -> int | None:
    """The length that a netmask means: ``255.255.255.0`` is 24."""
    mask = read_ipv4(text)
    if mask is None:
        return None
    bits = int.from_bytes(socket.inet_aton(mask), "big")
    host = bits ^ 0xFFFFFFFF
    return None if host & (host + 1) else 32 - host.bit_length()


def network(prefix: Prefix) -> str:
    """The prefix with its host bits cleared: what a route's destination is.

    >>> network(read_prefix("10.1.2.3/8"))
    '10.0.0.0/8'
    """
    kind = socket.AF_INET6 if prefix.family == "inet6" else socket.AF_INET
    value = int.from_bytes(socket.inet_pton(kind, prefix.address), "big")
    spare = prefix.full - prefix.prefixlen
    packed = ((value >> spare) << spare).to_bytes(prefix.full // 8, "big")
    return f"{socket.inet_ntop(kind, packed)}/{prefix.prefixlen}"


def read_lladdr(text: str) -> str | None:
    """A link-layer address in canonical form, or None. An IPv4 address stands for its four bytes, as in iproute2.

    >>> read_lladdr("2:0:0:0:AB:1"), read_lladdr("10.0.0.1"), read_lladdr("02:00:00:00:00:zz")
    ('02:00:00:00:ab:01', '0a:00:00:01', None)
    """
    if len(text) > 128:
        return None
    if "." in text:
        address = read_ipv4(text)
        return ":".join(f"{int(byte):02x}" for byte in address.split(".")) if address else None
    parts = text.split(":")
    if len(parts) > 32 or not all(_HEX.match(part) and int(part, 16) <= 255 for part in parts):
        return None
    return ":".join(f"{int(part, 16):02x}" for part in parts)


def valid_ifname(name: str, *, alternative: bool = False) -> bool:
    """What the kernel takes as the name of an interface: 1 to 15 bytes, no ``/``, no white space.

    >>> valid_ifname("veth-red"), valid_ifname("veth-red-to-blue"), valid_ifname("a/b"), valid_ifname("")
    (True, False, False, False)
    """
    if not name or any(char in "/ \t\n\v\f\r" for char in name):
        return False
    return alternative or len(name.encode(errors="surrogateescape")) < 16


def ifname_hint(name: str) -> str:
    """Why a name cannot be an interface's.

    >>> ifname_hint("veth-red-to-blue")
    'an interface name has at most 15 bytes; "veth-red-to-blue" has 16'
    """
    size = len(name.encode(errors="surrogateescape"))
    if size > 15:
        return say("name-long", name=name, size=size)
    return say("form-ifname")


def address_hint(word: str, family: str | None) -> str | None:
    """Why a word is no address, when that can be seen."""
    head, slash, tail = word.partition("/")
    other = read_address(head)
    if other is not None and family is not None and family_of(other) != family:
        this, that = ("IPv6", "IPv4") if ":" in head else ("IPv4", "IPv6")
        return say("form-other-family", word=head, this=this, that=that)
    if other is not None and slash:
        full = 128 if ":" in head else 32
        return say("form-length-not", full=full, word=tail)
    if head.count(".") == 3:
        return say("form-ipv4-numbers")
    if head.count(".") > 3:
        return say("form-ipv4-four")
    if ":" in head:
        return say("form-ipv6-groups")
    if head and other is None:
        return say("form-address", word=head)
    return None


def number_hint(word: str, low: int, high: int) -> str:
    """Why a word is not a number that can stand here.

    >>> number_hint("70000", 0, 65535), number_hint("big", 0, 255)
    ('a number from 0 to 65535 is expected', '"big" is not a whole number')
    """
    if read_number(word, -(1 << 64), 1 << 64) is None:
        return say("form-whole", word=word)
    return say("form-number", low=low, high=high)
