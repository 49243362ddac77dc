"""IPv4 forwarding where /proc/sys cannot be written (a container masks it): set over netlink, interface by interface.

``net.ipv4.ip_forward`` is a switch in /proc/sys only; what routes a packet is each interface's own ``forwarding``, and that can be
set with ``RTM_SETLINK`` (``IFLA_AF_SPEC``, ``IFLA_INET_CONF``; ``inet_set_link_af`` in the kernel's net/ipv4/devinet.c). So the switch is
kept here: it is set on all interfaces there are, on those that come later, and shown by ``sysctl`` as if it were the kernel's. An
interface that a program makes gets it when that program has ended. There is nothing of the kind for IPv6.
"""

from __future__ import annotations

import os
import re
import struct

from nsmagic.agent.namespaces import Namespaces
from nsmagic.errors import KernelRefused
from nsmagic.netlink.encode import IFLA_AF_SPEC, attr, link_body
from nsmagic.netlink.socket import NetlinkError

_SWITCH = "/proc/sys/net/ipv4/ip_forward"
_CONF = "/proc/sys/net/ipv4/conf"
_NAMES = re.compile(r"net\.ipv4\.(?:ip_forward|conf\.(?P<link>[^.]+)\.forwarding)")
_RTM_SETLINK = 19
_AF_INET, _IFLA_INET_CONF, _FORWARDING = 2, 1, 1


class _Room:
    """What was set in one namespace: the switch, what a new interface gets, and which interfaces have a setting of their own."""

    def __init__(self) -> None:
        self.switch = self.new = False
        self.own: set[str] = set()


class Forwarding:
    """The switches of all namespaces; does nothing where /proc/sys can be written."""

    def __init__(self, namespaces: Namespaces) -> None:
        self._namespaces = namespaces
        self._rooms: dict[int, _Room] = {}
        self.needed = os.path.exists(_SWITCH) and not os.access(_SWITCH, os.W_OK)

    def set(self, ns: str, name: str, value: str) -> str | None:
        """Set one of the parameters that are about forwarding; its new value, or None for any other parameter or value.

        To be called inside the namespace.

        Raises
        ------
        KernelRefused
            The kernel does not let us.
        """
        found = _NAMES.fullmatch(name)
        if not self.needed or found is None or not value.strip().isdigit():
            return None
        on = int(value) != 0
        room = self._rooms.setdefault(self._inode(ns), _Room())
        link = (found["link"] or "all").replace("/", ".")
        if link == "all":
            room.switch = room.new = on
            room.own.clear()
            for each in _links():
                self._set_link(ns, each, on)
        elif link == "default":
            room.new = on
        else:
            room.own.add(link)
            self._set_link(ns, link, on)
        return str(int(on))

    def shown(self, ns: str) -> dict[str, str]:
        """The parameters whose value is ours and not the kernel's."""
        room = self._rooms.get(self._inode(ns)) if self._rooms else None
        if room is None:
            return {}
        switch = str(int(room.switch))
        return {
            "net.ipv4.ip_forward": switch,
            "net.ipv4.conf.all.forwarding": switch,
            "net.ipv4.conf.default.forwarding": str(int(room.new)),
        }

    def refresh(self) -> None:
        """Give new interfaces what they would have got from the kernel."""
        if not self._rooms:
            return
        names = {entry.inode: name for name, entry in self._namespaces.entries.items()}
        for inode, room in list(self._rooms.items()):
            ns = names.get(inode)
            if ns is None:
                del self._rooms[inode]
                continue
            with self._namespaces.inside(self._namespaces.nsfd(ns)):
                there = _links()
            room.own &= there.keys()
            for link, on in there.items():
                if room.new and not on and link not in room.own:
                    self._set_link(ns, link, True)

    def _inode(self, ns: str) -> int:
        self._namespaces.nsfd(ns)
        return self._namespaces.entries[ns].inode

    def _set_link(self, ns: str, link: str, on: bool) -> None:
        index = self._namespaces.ifindex(ns, link)
        settings = attr(_IFLA_INET_CONF, attr(_FORWARDING, struct.pack("=I", int(on))))
        body = link_body({}, index) + attr(IFLA_AF_SPEC, attr(_AF_INET, settings))
        try:
            self._namespaces.socket(ns).request(_RTM_SETLINK, 0, body)
        except NetlinkError as error:
            raise KernelRefused(
                f'sysctl: setting key "net.ipv4.conf.{link}.forwarding": {error}',
                errno=error.errno or 0,
                kernel=str(error),
            ) from None


def _links() -> dict[str, bool]:
    """The interfaces of the namespace that we are in, and whether each forwards."""
    found = {}
    for link in sorted(set(os.listdir(_CONF)) - {"all", "default"}):
        with open(f"{_CONF}/{link}/forwarding") as file:
            found[link] = file.read().strip() != "0"
    return found
