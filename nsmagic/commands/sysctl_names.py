"""The names of kernel parameters.

Names are kept in the form that sysctl prints: dots between the parts, and a slash where a part itself has a dot
(``net.ipv4.conf.eth0/100.forwarding``, the parameter of the interface ``eth0.100``). ``path()`` gives the place under
``/proc/sys``. A name may also be a folder (``net.ipv4.conf.eth0``), which stands for all below it.
"""

from __future__ import annotations

_SWAP = str.maketrans("./", "/.")


def canonical(name: str) -> str | None:
    """A parameter's name as sysctl prints it, from either way to write it; None when it can be no name.

    The separator that comes first, dot or slash, is the one between the parts; the other then stands for a dot inside one.

    >>> canonical("net/ipv4/conf/eth0.100/forwarding"), canonical("net.ipv4.conf.eth0/100.forwarding")
    ('net.ipv4.conf.eth0/100.forwarding', 'net.ipv4.conf.eth0/100.forwarding')
    >>> canonical("net..ipv4"), canonical("../etc/passwd"), canonical("net/../vm")
    (None, None, None)
    """
    first = next((char for char in name if char in "./"), ".")
    dotted = name if first == "." else name.translate(_SWAP)
    parts = dotted.split(".")
    bad = any(part.strip("/") == "" or any(char.isspace() or char == "\0" for char in part) for part in parts)
    return None if bad or "//" in dotted else dotted


def path(name: str) -> str:
    """Where a canonical name lies under ``/proc/sys``.

    >>> path("net.ipv4.conf.eth0/100.forwarding")
    'net/ipv4/conf/eth0.100/forwarding'
    """
    return name.translate(_SWAP)
