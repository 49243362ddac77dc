"""Sockets and look-ups of names in a lab, for Python outside of it: the part of ``Lab`` that hands out descriptors."""

from __future__ import annotations

import socket as socket_
from typing import Any

from nsmagic.errors import LabError
from nsmagic.life import Life
from nsmagic.model import HOST
from nsmagic.pythonic import MachineSocket


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

        Raises
        ------
        LabError
            A kind of sandbox that does not share a kernel with the notebook.
        """
        client = self.client
        if not client.carries_fds:
            raise LabError(f"sockets cannot be handed out of a lab of kind {self._kind}")
        call = client.call("socket", ns=ns, family=int(family), type=int(type), proto=int(proto))
        call.result()
        made = MachineSocket(family, type, proto, call.fds[0])
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
