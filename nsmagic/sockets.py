"""Sockets and look-ups of names in a lab, for Python outside of it: the part of ``Lab`` that hands out sockets."""

from __future__ import annotations

import socket as socket_
from typing import Any

from nsmagic import framed
from nsmagic.framed import MachineSocket
from nsmagic.life import Life
from nsmagic.model import HOST


class Sockets(Life):
    """A lab whose sockets can be used from here."""

    def socket(
        self,
        ns: str = HOST,
        family: int = socket_.AF_INET,
        type: int = socket_.SOCK_STREAM,
        proto: int = 0,
    ) -> socket_.socket:
        """A Python socket that lives in a namespace, also when this process has no rights there: port 80, raw ICMP and
        AF_PACKET work. An open one keeps its namespace alive; ``close()`` of the lab closes them all.

        Of the kind ``vm``, whose kernel is another one, what is written and read is carried there and back (``framed.py`` says
        what such a socket has not).

        >>> from nsmagic import Lab
        >>> with Lab() as lab, lab.socket("host") as server:
        ...     server.bind(("127.0.0.1", 80))
        ...     server.getsockname()
        ('127.0.0.1', 80)

        Raises
        ------
        NsmagicError
            There is no such namespace, or the kernel refuses.
        """
        client = self.client
        made: MachineSocket
        if client.carries_fds:
            call = client.call("socket", ns=ns, family=int(family), type=int(type), proto=int(proto))
            call.result()
            made = MachineSocket(family, type, proto, call.fds[0])
        else:
            made = framed.open_socket(client, ns, int(family), int(type), int(proto))
        self.track(made)
        return made

    def track(self, made: socket_.socket) -> None:
        """Remember a socket that lives in the lab: closed with it, and in forked copies of this process."""
        self._handed_out.add(made)

    def track_descriptor(self, number: int) -> None:
        """The same for a socket that an object unknown to us is about to take over."""
        self._handed_out.add_descriptor(number)

    def resolve(self, ns: str, function: str, *arguments: Any) -> Any:
        """A look-up of names (``getaddrinfo`` …) with the hosts file and the name servers of a namespace.

        Raises
        ------
        socket.gaierror, socket.herror
            As the function itself does.
        """
        answer = self.client.request("resolve", ns=ns, function=function, arguments=list(arguments))
        if "error" in answer:
            name, number, words = answer["error"]
            if name == "ValueError":
                raise ValueError(words)
            raise {"gaierror": socket_.gaierror, "herror": socket_.herror}.get(name, OSError)(number, words)
        return answer["value"]
