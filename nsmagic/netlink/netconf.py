"""What a namespace does with packets of others: ``net.ipv4.ip_forward``, asked over a kept socket.

The sysctl is one file of each namespace, and to read it that has to be entered; the kernel answers the same by RTM_GETNETCONF
for "all interfaces" (``inet_netconf_get_devconf`` in net/ipv4/devinet.c), in a twentieth of the time.
"""

from __future__ import annotations

import struct

from nsmagic.netlink import decode
from nsmagic.netlink.socket import RouteSocket
from nsmagic.netlink.words import AF_INET

_RTM_GETNETCONF = 82
_NETCONFA_IFINDEX, _NETCONFA_FORWARDING = 1, 2
#: NETCONFA_IFINDEX_ALL
_ALL = -1
_QUESTION = struct.pack("=B3xHHi", AF_INET, 8, _NETCONFA_IFINDEX, _ALL)


def forwards(sock: RouteSocket) -> bool:
    """Whether the socket's namespace forwards IPv4 packets.

    Raises
    ------
    NetlinkError
        The kernel does not answer such questions.

    >>> forwards(RouteSocket.open()) in (True, False)
    True
    """
    _, body = sock.get(_RTM_GETNETCONF, 0, _QUESTION)
    where = decode.attributes(body, 4, len(body))
    return bool(struct.unpack_from("=i", body, where[_NETCONFA_FORWARDING])[0])
