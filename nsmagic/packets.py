"""Packets on their way, captured, followed and judged: the part of ``Lab`` that watches traffic."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from nsmagic.environment import default_timeout
from nsmagic.errors import CommandSyntaxError
from nsmagic.reading import Reading
from nsmagic.sentences import say

if TYPE_CHECKING:
    from nsmagic.following import Following
    from nsmagic.lab import Lab
    from nsmagic.trace.capture import Capture
    from nsmagic.trace.journey import Journey
    from nsmagic.why.verdict import Verdict


class Packets(Reading):
    """A lab whose packets can be watched."""

    def trace(self, ns: str, what: str, *, timeout: float | None = None) -> Journey:
        """Run a command in a namespace (an address, or a namespace's name, stands for one echo to it) while every interface of every namespace is watched, and join
        what was seen to the journeys of the packets, and what rules of nft and iptables decided over them, in namespaces that had rules when it
        began. The lab is the same before and after. ``timeout`` in seconds ends the command.

        Raises
        ------
        NamespaceNotFound
            There is no namespace ``ns``.
        CommandSyntaxError
            The command cannot be read.

        >>> from nsmagic import Lab
        >>> with Lab() as lab:
        ...     print(lab.trace("host", "127.0.0.1").answered)
        True
        """
        from nsmagic.tracing import trace

        return trace(cast("Lab", self), ns, what, timeout)

    def sniff(
        self,
        where: str = "any",
        filter: str = "",
        *,
        count: int = 0,
        timeout: float | None = None,
        snaplen: int = 0,
        background: bool = False,
    ) -> Capture:
        """Capture packets: of a namespace (``"red"``), of one interface of it (``"red:veth-red"``), or of all there are (``"any"``: the outside of
        a world too, and namespaces that are made meanwhile).

        ``filter`` is in tcpdump's language (``"icmp or arp"``, ``"tcp port 80"``); the kernel applies it. It ends after ``count`` packets, after
        ``timeout`` seconds, or with ``stop()``; ``background`` comes back at once, and else it is waited for. ``snaplen`` keeps only
        so many bytes of each packet.

        Raises
        ------
        NamespaceNotFound, KernelRefused
            There is no such namespace or interface.
        CommandSyntaxError
            The filter cannot be read; in libpcap's words.
        NsmagicError
            A filter, and no libpcap on this machine.

        >>> from nsmagic import Lab
        >>> with Lab() as lab, lab.sniff("host:lo", background=True) as capture:
        ...     _ = lab.run("ping -c 1 127.0.0.1")
        ...     len(capture.stop())
        4
        """
        from nsmagic.trace.capture import SNAPLEN, Capture

        ns, _, dev = where.rpartition(":")
        if where in self or (where == "any" and where not in self):
            ns, dev = where, ""
        everywhere = ns == "any" and ns not in self
        if not everywhere:
            self._check(ns or where)
        if (
            filter
            and not dev
            and not everywhere
            and any(link.ifname == filter for link in self.snapshot("links", ns=ns).links)
        ):
            words = f"{filter} is an interface of {ns}, and no filter"
            raise CommandSyntaxError(words, text=filter, hint=say("sniff-interface", ns=ns, dev=filter))
        limit = timeout if timeout is not None or background or count else default_timeout()
        capture = Capture(
            self.client, [] if everywhere else [(ns, dev)], title="packets" if everywhere else f"packets of {where}",
            filter=filter, count=count, timeout=limit, snaplen=snaplen or SNAPLEN,
        )  # fmt: skip
        return capture if background else capture.wait()

    def sniff_live(
        self, where: str = "any", filter: str = "", *, count: int = 0, timeout: float | None = None, snaplen: int = 0
    ) -> Following:
        """Capture in the background, as :meth:`sniff` does, with a table that follows it in a notebook: the latest packets, and a button
        that ends it. ``.capture`` is the capture.

        Raises
        ------
        NsmagicError
            anywidget is not installed; and what :meth:`sniff` raises.

        >>> from nsmagic import Lab
        >>> with Lab() as lab:
        ...     live = lab.sniff_live("host:lo", "icmp")
        ...     live.stop()
        ...     print(live)
        packets of host:lo: 0 packets
        """
        from nsmagic.widgets import need

        need("the live table")
        from nsmagic.following import Following

        capture = self.sniff(where, filter, count=count, timeout=timeout, snaplen=snaplen, background=True)
        return Following(capture)

    def why(self, src: str, dst: str, port: int | None = None, proto: str = "icmp", size: int | None = None) -> Verdict:
        """Why a packet from the namespace ``src`` arrives at ``dst`` (an address or a namespace), or what stops it first.

        Reads what the kernel has, and sends one packet that is watched on its way: an echo, or with ``port`` a TCP connection
        attempt, or with ``proto="udp"`` a datagram. Changes nothing; ``.fix`` of the verdict are commands that would.

        ``size``: a packet with so many bytes of data follows, which nobody may cut into pieces; it finds what small packets pass. Where a
        router says that it is too large, the sender's kernel remembers that for ten minutes (``ip route get``), as after any such packet.

        Raises
        ------
        NsmagicError
            ``dst`` is neither an address nor a namespace, or the port, the protocol or the size is none.

        >>> from nsmagic import Lab
        >>> with Lab() as lab:
        ...     _ = lab.run("ip netns add red")
        ...     lab.why("red", "127.0.0.1").cause
        'loopback-down'
        """
        from nsmagic.why.gather import why

        return why(cast("Lab", self), src, dst, port, proto, size)
