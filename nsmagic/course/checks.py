"""Checks: plain functions that look at a lab and raise an ``AssertionError`` that says what is not so yet.

They look at the kernel's state and send real traffic, so that an answer counts however it was reached. They run anywhere a ``Lab``
does: in a notebook, under pytest, in a test cell of nbgrader or otter-grader. Each returns the sentence of what holds. A name
of a namespace, of the outside of a world too, is ``"red"`` or ``"(pc)"``.

>>> from nsmagic import Lab
>>> with Lab() as lab:
...     _ = lab.run("ip netns add red")
...     namespace(lab, "red")
...     try:
...         namespace(lab, "blue")
...     except AssertionError as error:
...         print(error)
'there is a namespace red'
there is no namespace blue yet
"""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import socket
import time
from collections.abc import Callable, Mapping
from typing import Any

from nsmagic.errors import NamespaceNotFound, NsmagicError
from nsmagic.lab import Lab
from nsmagic.model import Link
from nsmagic.sentences import say_task as say

#: Seconds that an answer may take. In a lab it takes less than a millisecond, unless things have just been put right: the kernel asks for a
#: neighbour's MAC once a second (``retrans_time_ms``), and tells a bridge of a port's carrier up to a second late. Else only what never comes
#: is waited for.
PATIENCE = 2.0
#: Seconds after which a ping is sent again: the first may go to work out a MAC.
_AGAIN = 0.2


class NotYet(NsmagicError, AssertionError):
    """A check does not hold. ``code`` is that of its sentence."""

    def __init__(self, code: str, **fields: object) -> None:
        super().__init__(say(code, **fields))
        self.code = code


# Rooms and interfaces


def namespace(lab: Lab, ns: str) -> str:
    """There is a namespace of that name."""
    if ns not in lab:
        raise NotYet("namespace-not", ns=ns)
    return say("namespace", ns=ns)


def namespace_gone(lab: Lab, ns: str) -> str:
    """There is none of that name."""
    if ns in lab:
        raise NotYet("namespace-still", ns=ns)
    return say("namespace-gone", ns=ns)


def _links(lab: Lab, ns: str) -> list[Link]:
    rows: list[Link] = [row for row in lab.snapshot("links").links.rows if row.ns == ns]
    return rows


def _link(lab: Lab, ns: str, ifname: str, what: str = "") -> Link:
    found = next((row for row in _links(lab, ns) if row.ifname == ifname), None)
    if found is None:
        raise NotYet("link-not", ns=ns, what=what or ifname)
    return found


def link(lab: Lab, ns: str, ifname: str, type: str = "") -> str:
    """There is an interface, of a type (``veth``, ``bridge``)."""
    what = f"{ifname} ({type})" if type else ifname
    found = _link(lab, ns, ifname, what)
    if type and found.kind != type:
        raise NotYet("link-kind", ns=ns, ifname=ifname, kind=type, is_=found.kind)
    return say("link", ns=ns, what=what)


def link_gone(lab: Lab, ns: str, ifname: str) -> str:
    """There is no such interface."""
    if any(row.ifname == ifname for row in _links(lab, ns)):
        raise NotYet("link-still", ns=ns, ifname=ifname)
    return say("link-gone", ns=ns, ifname=ifname)


def cable(lab: Lab, ns: str, peer_ns: str) -> str:
    """A veth pair has one end in each of two namespaces."""
    if not any(row.kind == "veth" and row.peer_ns == peer_ns for row in _links(lab, ns)):
        raise NotYet("cable-not", ns=ns, peer_ns=peer_ns)
    return say("cable", ns=ns, peer_ns=peer_ns)


def up(lab: Lab, ns: str, ifname: str, carrier: bool = False) -> str:
    """An interface is switched on, and with ``carrier`` its cable works."""
    found = _link(lab, ns, ifname)
    if not found.up:
        raise NotYet("up-not", ns=ns, ifname=ifname)
    if carrier and not found.carrier:
        raise NotYet("carrier-not", ns=ns, ifname=ifname)
    return say("up", ns=ns, ifname=ifname)


def port_of(lab: Lab, ns: str, ifname: str, master: str) -> str:
    """An interface is a port of a bridge."""
    if _link(lab, ns, ifname).master != master:
        raise NotYet("port-not", ns=ns, ifname=ifname, master=master)
    return say("port-of", ns=ns, ifname=ifname, master=master)


# Addresses, routes, neighbours


def address(lab: Lab, ns: str, address: str, dev: str = "") -> str:
    """A namespace has an address (``192.168.15.1/24``), on an interface."""
    wanted = ipaddress.ip_interface(address)
    same = [row for row in lab.snapshot("addrs").addrs.rows if row.ns == ns and row.address == str(wanted.ip)]
    if not same:
        raise NotYet("address-not", ns=ns, address=str(wanted.ip))
    right = [row for row in same if row.prefixlen == wanted.network.prefixlen]
    if not right:
        raise NotYet("address-length", ns=ns)
    if dev and all(row.ifname != dev for row in right):
        raise NotYet("address-dev", ns=ns, dev=dev)
    return say("address", ns=ns, address=address)


def address_gone(lab: Lab, ns: str, address: str) -> str:
    """A namespace does not have an address (given without a length)."""
    if any(row.ns == ns and row.address == address for row in lab.snapshot("addrs").addrs.rows):
        raise NotYet("address-still", ns=ns, address=address)
    return say("address-gone", ns=ns, address=address)


def route(lab: Lab, ns: str, dst: str, gateway: str = "", dev: str = "") -> str:
    """The main table of a namespace has a route, by way of a gateway and an interface where they are named."""
    same = [row for row in lab.snapshot("routes").routes.rows if row.ns == ns and row.dst == dst and row.table == 254]
    if not same:
        raise NotYet("route-not", ns=ns, dst=dst)
    if not any((not gateway or row.gateway == gateway) and (not dev or row.dev == dev) for row in same):
        raise NotYet("route-other", ns=ns, dst=dst)
    return say("route", ns=ns, dst=dst)


def route_gone(lab: Lab, ns: str, dst: str) -> str:
    """The main table of a namespace has no such route."""
    if any(row.ns == ns and row.dst == dst and row.table == 254 for row in lab.snapshot("routes").routes.rows):
        raise NotYet("route-still", ns=ns, dst=dst)
    return say("route-gone", ns=ns, dst=dst)


def neighbour(lab: Lab, ns: str, address: str) -> str:
    """A namespace has a neighbour in its table, with the MAC of the interface that truly has the address."""
    snapshot = lab.snapshot("namespaces", "neighbours", "addrs", "links")
    known = [row for row in snapshot.neighbours.rows if row.ns == ns and row.address == address and row.mac]
    if not known:
        raise NotYet("neighbour-not", ns=ns, address=address)
    owners = {(row.ns, row.ifname) for row in snapshot.addrs.rows if row.address == address}
    true = {row.mac for row in snapshot.links.rows if (row.ns, row.ifname) in owners}
    if not true & {row.mac for row in known}:
        raise NotYet("neighbour-false", ns=ns, address=address)
    return say("neighbour", ns=ns, address=address)


def sysctl(lab: Lab, ns: str, name: str, value: str) -> str:
    """A kernel parameter of a namespace has a value."""
    result = lab.run(f"sysctl {name}", ns)
    found = str(result.value["value"].iloc[0]) if result.ok and result.value is not None else "not there"
    if found != value:
        raise NotYet("sysctl-not", ns=ns, name=name, is_=found)
    return say("sysctl", ns=ns, name=name, value=value)


def process(lab: Lab, name: str) -> str:
    """A program runs as number 1 of a pid namespace of its own below the lab's."""
    script = (
        "for each in /proc/[0-9]*/status; do awk '/^Name/ {n=$2} /^NSpid/ {print n, NF, $NF}' $each; done 2>/dev/null"
    )
    if f"{name} 3 1" not in lab.run(script).text.splitlines():
        raise NotYet("process-not", name=name)
    return say("process", name=name)


# Traffic


def _ping(lab: Lab, ns: str, to: str, size: int = 56) -> bool:
    until = time.monotonic() + PATIENCE
    while True:
        try:
            value = lab.run(f"ping -c 1 -W {_AGAIN} -s {size} {to}", ns).value
        except NamespaceNotFound:
            raise NotYet("no-room", ns=ns) from None
        if value is None or not value.sent:
            return False
        if value.received or time.monotonic() > until:
            return bool(value.received)


def reaches(lab: Lab, ns: str, to: str, back: tuple[str, str] | None = None, size: int = 56) -> str:
    """A ping from a namespace is answered; with ``back`` (namespace, address) one in the other direction too."""
    if not _ping(lab, ns, to, size):
        raise NotYet("reaches-not", ns=ns, to=to)
    if back is not None and not _ping(lab, *back, size):
        raise NotYet("reaches-not", ns=back[0], to=back[1])
    return say("reaches", ns=ns, to=to)


def silent(lab: Lab, ns: str, to: str, canary: tuple[str, str]) -> str:
    """A ping is *not* answered, while the canary (another one, that proves the way there) is."""
    if not _ping(lab, *canary):
        raise NotYet("reaches-not", ns=canary[0], to=canary[1])
    if _ping(lab, ns, to):
        raise NotYet("silent-not", ns=ns, to=to)
    return say("silent", ns=ns, to=to)


def _serve(lab: Lab, ns: str, port: int, kind: socket.SocketKind = socket.SOCK_STREAM) -> socket.socket | None:
    """A server of ours at a port of a namespace; None when somebody (the learner's own) is there already."""
    try:
        server = lab.socket(ns, socket.AF_INET, kind)
    except NamespaceNotFound:
        raise NotYet("no-room", ns=ns) from None
    try:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("0.0.0.0", port))
        if kind == socket.SOCK_STREAM:
            server.listen(8)
    except OSError as error:
        server.close()
        if error.errno == errno.EADDRINUSE:
            return None
        raise
    server.settimeout(PATIENCE)
    return server


def _arrives(lab: Lab, ns: str, to: str, port: int, server: str, server_port: int) -> bool | None:
    """Whether a TCP connection can be made; None when it can but does not end in the namespace ``server``.

    A server is put there for the moment, unless there is one: then nobody listening is not taken for a wall.
    """
    listening = _serve(lab, server, server_port or port) if server else None
    with listening or contextlib.nullcontext():
        try:
            client = lab.socket(ns)
        except NamespaceNotFound:
            raise NotYet("no-room", ns=ns) from None
        with client:
            client.settimeout(PATIENCE)
            try:
                client.connect((to, port))
            except OSError:
                return False
            if listening is not None:
                try:
                    listening.accept()[0].close()
                except TimeoutError:
                    return None
    return True


def tcp(lab: Lab, ns: str, to: str, port: int, server: str = "", server_port: int = 0) -> str:
    """A TCP connection from a namespace is answered; with ``server``, in that namespace (and at ``server_port`` of it)."""
    came = _arrives(lab, ns, to, port, server, server_port)
    if came is None:
        raise NotYet("tcp-elsewhere", ns=ns, to=to, port=port, server=server)
    if not came:
        raise NotYet("tcp-not", ns=ns, to=to, port=port)
    return say("tcp", ns=ns, to=to, port=port)


def listens(lab: Lab, ns: str, port: int) -> str:
    """A server of the learner's own listens at a TCP port of a namespace."""
    server = _serve(lab, ns, port)
    if server is not None:
        server.close()
        raise NotYet("listens-not", ns=ns, port=port)
    return say("listens", ns=ns, port=port)


def blocked(
    lab: Lab,
    ns: str,
    to: str,
    port: int = 0,
    server: str = "",
    canary_port: int = 0,
    canary: tuple[str, str] | None = None,
) -> str:
    """Traffic is held up (TCP to ``port``, or ping when there is none) although the way there is fine.

    The canary proves the way: TCP to ``canary_port`` of the same address, or a ping from ``canary``'s namespace to its address.
    ``server`` is the namespace in which the connections would end; servers are put there for the moment, so that a refusal is
    none for want of a server.
    """
    what = f"TCP port {port}" if port else "a ping"
    if canary_port:
        if not _arrives(lab, ns, to, canary_port, server, 0):
            raise NotYet("blocked-all", what=what, ns=ns, to=to, canary=f"TCP port {canary_port}")
    elif not _ping(lab, *(canary or (ns, to))):
        where = canary or (ns, to)
        raise NotYet("blocked-all", what=what, ns=ns, to=to, canary=f"a ping from {where[0]} to {where[1]}")
    if (_arrives(lab, ns, to, port, server, 0) is not False) if port else _ping(lab, ns, to):
        raise NotYet("blocked-not", what=what, ns=ns, to=to)
    return say("blocked", what=what, ns=ns, to=to)


def seen_as(lab: Lab, ns: str, to: str, server: str, address: str, port: int = 40053) -> str:
    """What a namespace sends to ``to`` arrives in ``server``, and there seems to come from ``address``."""
    listening = _serve(lab, server, port, socket.SOCK_DGRAM)
    assert listening is not None, f"port {port} of {server} is taken"
    with listening:
        try:
            sender = lab.socket(ns, socket.AF_INET, socket.SOCK_DGRAM)
        except NamespaceNotFound:
            raise NotYet("no-room", ns=ns) from None
        with sender:
            try:
                sender.sendto(b"who am I?", (to, port))
                seen = str(listening.recvfrom(64)[1][0])
            except OSError:
                raise NotYet("seen-as-none", ns=ns, to=to) from None
    if seen != address:
        raise NotYet("seen-as-not", ns=ns, to=to, is_=seen)
    return say("seen-as", ns=ns, to=to, address=address)


#: Kind of check in a task's file → its function.
KINDS: dict[str, Callable[..., str]] = {
    function.__name__: function
    for function in (
        namespace, namespace_gone, link, link_gone, cable, up, port_of, address, address_gone, route, route_gone, neighbour,
        sysctl, process, reaches, silent, tcp, listens, blocked, seen_as,
    )
}  # fmt: skip


def run(lab: Lab, check: Mapping[str, Any]) -> str:
    """A check as a task's file describes it: ``{"kind": "up", "ns": "red", "ifname": "eth0"}``.

    Raises
    ------
    NotYet
        It does not hold.
    """
    fields = {name: tuple(each) if isinstance(each, list) else each for name, each in check.items() if name != "kind"}
    return KINDS[str(check["kind"])](lab, **fields)
