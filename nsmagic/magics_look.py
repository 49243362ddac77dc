"""The magics that look at a lab: tables, pictures, reasons, journeys, captures. Thin, as those of ``magics.py``, which they are part of."""

from __future__ import annotations

from typing import Any

from IPython.core.magic import line_magic, no_var_expand

from nsmagic import magic_line
from nsmagic.errors import CommandSyntaxError, NsmagicError
from nsmagic.magics_base import LabMagics, with_options
from nsmagic.names import HOST
from nsmagic.sentences import say


class LookMagics(LabMagics):
    """What a person types to see what there is."""

    def __init__(self, shell: Any, **options: Any) -> None:
        super().__init__(shell, **options)
        #: How many hints of ``%why --hint`` were given for what was asked.
        self._nudges: dict[tuple[Any, ...], int] = {}

    def _table(self, table: str, line: str) -> Any:
        options, rest = self._names(line, "%arp" if table == "neighbours" else f"%{table}")
        return self.lab_of(options.lab).frame(table, rest or None, display_all=options.all)

    def _names(self, line: str, magic: str) -> tuple[magic_line.Options, str]:
        options, ns = magic_line.split_cell_line(line, magic)
        return options, "" if ns == HOST and HOST not in line.split() else ns

    @no_var_expand
    @line_magic
    def links(self, line: str) -> Any:
        """``%links [NS] [--all]``: the network interfaces of all namespaces, or of one, as a DataFrame."""
        return self._table("links", line)

    @no_var_expand
    @line_magic
    def addrs(self, line: str) -> Any:
        """``%addrs [NS] [--all]``: the IP addresses of all namespaces, or of one, as a DataFrame."""
        return self._table("addrs", line)

    @no_var_expand
    @line_magic
    def routes(self, line: str) -> Any:
        """``%routes [NS] [--all]``: the main routing tables of all namespaces, or of one, as a DataFrame."""
        return self._table("routes", line)

    @no_var_expand
    @line_magic
    def arp(self, line: str) -> Any:
        """``%arp [NS] [--all]``: who is known as a neighbour, in all namespaces or in one, as a DataFrame."""
        return self._table("neighbours", line)

    @no_var_expand
    @line_magic
    def firewall(self, line: str) -> Any:
        """``%firewall [NS] [--all]``: the firewall rules of all namespaces, or of one, as a DataFrame, whether iptables, iptables-legacy
        or nft made them. ``--all`` displays counters, the rules as typed, and chains without rules too."""
        return self._table("firewall", line)

    @no_var_expand
    @line_magic
    def nat(self, line: str) -> Any:
        """``%nat [NS] [--all]``: what is translated (masquerading, port forwarding) in all namespaces, or in one, as a DataFrame."""
        return self._table("nat", line)

    @no_var_expand
    @line_magic
    @with_options(magic_line.PICTURE_OPTIONS)
    def topology(self, line: str) -> Any:
        """Draw the lab from what the kernel has: the host as a house, namespaces as rooms, cables between sockets, switches.

        ::

            %topology [NS …] [options]    all of it, or these namespaces

        Framed in amber is what the last cell that changed something changed. A dashed line is down; the word beside a socket
        says why. In a terminal, and where Graphviz gives no picture, it is drawn as text.

        With ``--live`` it follows the kernel while other cells run. A click (or Enter) on a room or a socket shows its tables; arrow
        keys go from one to the next, Shift with them moves the picture, ``+`` and ``-`` zoom, ``0`` shows all again.

        Options::

        """
        options, names = magic_line.split_picture_line(line)
        if options.live:
            if options.diff or options.engine or options.step:
                other = "--diff" if options.diff else "--engine" if options.engine else "--step"
                raise CommandSyntaxError(f"{other} does not go with --live", text=line, hint="%topology --live --all")
            return self.lab_of(options.lab).live(*names, all=options.all)
        from nsmagic.topology.picture import Topology

        lab = self.lab_of(options.lab)
        return Topology.at_once(
            lambda: lab.topology(
                *names, all=options.all, diff=options.diff, engine=options.engine or None, step=options.step
            )
        )

    # %why

    @no_var_expand
    @line_magic
    @with_options(magic_line.WHY_OPTIONS)
    def why(self, line: str) -> Any:
        """Why does a packet not arrive? Walks what the kernel would do with it, out and back, and names the first thing that stops it.

        ::

            %why [NS] ADDRESS|NS [options]    from NS (default: host) to an address, or to another namespace

        One packet is sent and watched on its way, so the verdict is never a guess. Nothing is changed: the commands that mend it are
        shown, not run. The value has ``.reachable .cause .where .explanation .fix`` and ``.evidence``, the way as a DataFrame.

        Examples::

            %why red 192.168.15.2                    the echo of a ping
            %why red blue --port 80                  a TCP connection to port 80 of blue
            %why red blue --size 1472                one packet with so much data: ping works, and a page does not come
            %why red blue --hint                     where to look, and no more; once more gives away more

        Options::

        """
        options, src, dst = magic_line.split_why_line(line)
        verdict = self.lab_of(options.lab).why(src, dst, options.port, options.proto or "icmp", options.size)
        asked = (options.lab, src, dst, options.port, options.proto, options.size, verdict.cause, verdict.where)
        if not options.hint:
            return verdict
        self._nudges[asked] = self._nudges.get(asked, 0) + 1
        return verdict.hint(self._nudges[asked])

    # %sniff

    @no_var_expand
    @line_magic
    @with_options(magic_line.SNIFF_OPTIONS)
    def sniff(self, line: str) -> Any:
        """Capture packets: what passes the interfaces, as tcpdump sees it.

        ::

            %sniff NS [FILTER] [options]          every interface of a namespace
            %sniff NS:DEV [FILTER] [options]      one interface
            %sniff any [FILTER] [options]         every interface of every namespace, those outside of a world too

        FILTER is in tcpdump's language: ``icmp or arp``, ``tcp port 80``, ``host 192.168.15.2 and not port 53``; the kernel applies it. Without
        ``--count`` or ``--timeout`` it goes on until it is interrupted; with ``--bg`` other cells can be run meanwhile.

        Examples::

            capture = %sniff red icmp --bg         in one cell
            %netns red ping -c 1 192.168.15.2      in another
            capture.stop()                         the packets as a table; .show(1) has all of the first,
            capture.save("ping.pcapng")            and Wireshark opens this
            %sniff red --live --out capture        a table that follows it

        Options::

        """
        options, where, filter = magic_line.split_sniff_line(line)
        if options.live:
            following = self.lab_of(options.lab).sniff_live(
                where, filter, count=options.count, timeout=options.timeout, snaplen=options.snaplen
            )
            if options.out:
                self._shell.user_ns[options.out] = following.capture
            return following
        capture = self.lab_of(options.lab).sniff(
            where, filter, count=options.count, timeout=options.timeout, snaplen=options.snaplen, background=options.bg
        )
        return self.kept(capture, options.out)

    @no_var_expand
    @line_magic
    def explorer(self, line: str) -> Any:
        """``%explorer [--lab NAME]``: the lab to look at and to try, with the mouse.

        The live picture, each room's tables, buttons for the frequent things, and every step so far with its picture. Each button
        writes the command that it runs, to be copied into a cell. The notebook keeps the static picture.
        """
        options, names = magic_line.split_cell_line(line)
        if names != HOST:
            raise CommandSyntaxError("%explorer takes no namespace", text=line, hint=say("explorer-room"))
        return self.lab_of(options.lab).explorer()

    # %trace

    @no_var_expand
    @line_magic
    @with_options(magic_line.TRACE_OPTIONS)
    def trace(self, line: str) -> Any:
        """Follow packets from room to room: every sighting at every interface, in order, with what NAT made of them and what rules decided.

        ::

            %trace [options] NS ADDRESS      one echo (ping -c 1) from NS
            %trace [options] NS COMMAND …    whatever the command sends, and what comes back

        The value is a journey: ``.packets`` is the table, ``.sequence`` a diagram in text, ``.topology`` the picture with the steps, ``.ended`` where
        it ended (``.ended.rule`` by which rule), ``.verdicts`` what rules of nft and iptables decided, ``.rules`` those that counted packets
        meanwhile, ``.capture`` what was seen (``.save("way.pcapng")``). What the kernel says of its own accord (IPv6's routers and groups, known
        neighbours asked again) is left out, but in ``.capture``. The lab is the same before and after; while the command runs, nft shows a table
        ``nsmagic-why`` in rooms that have rules, which has the kernel tell what they decide.

        Examples::

            %trace blue 8.8.8.8
            %trace blue curl -s http://192.168.1.3

        Options::

        """
        options, ns, what = magic_line.split_trace_line(line)
        lab = self.lab_of(options.lab)
        lives = lab.lives
        if options.live and not lives:
            raise NsmagicError("there is no live picture to show it in", hint=say("live-none"))
        journey = lab.trace(ns, what, timeout=options.timeout)
        if options.live:
            journey.play(*lives)
        return self.kept(journey, options.out)
