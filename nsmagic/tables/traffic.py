"""The tables of packets: those of a capture, of a journey, and the way that a verdict tells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nsmagic.tables.display import NetTable, View
from nsmagic.tables.frames import DTYPES, SHOWN, listed


def packets(rows: Sequence[Sequence[Any]], title: str = "packets") -> NetTable:
    """Packets, a row for each sighting at an interface, in the order given; rows have the columns' values in order.

    ``time`` is in milliseconds since the first, ``dir`` is ``in`` or ``out`` as the interface sees it, ``src`` and ``dst`` are IP addresses where
    the packet has some, ``info`` says what it is, ``length`` is in bytes on the wire.

    >>> print(packets([(0.0125, "red", "veth-red", "out", "ARP", "10.0.0.1", "10.0.0.2", "ARP who has 10.0.0.2? tell 10.0.0.1", 42)]))
    time      ns   dev       dir  proto  src       dst       info                                 length
    0.013 ms  red  veth-red  out  ARP    10.0.0.1  10.0.0.2  ARP who has 10.0.0.2? tell 10.0.0.1  42
    """
    return listed("packets", rows, View(title))


def journey(rows: Sequence[Sequence[Any]], title: str = "journey") -> NetTable:
    """The sightings of a journey, in the order of their steps; rows have the columns' values in order.

    ``packet`` counts the packets; ``translated`` says what became of the addresses since the sighting before, ``verdict`` what rules decided; both are
    displayed when there is one; the others are those of :func:`packets`.

    >>> list(journey([]).columns)[:4]
    ['step', 'packet', 'time', 'ns']
    """
    names = list(DTYPES["journey"])
    hidden = set(names) - set(SHOWN["journey"])
    hidden |= {name for name in ("translated", "verdict") if not any(row[names.index(name)] for row in rows)}
    return listed("journey", rows, View(title, frozenset(hidden), True))


def evidence(rows: Sequence[Sequence[Any]], title: str = "evidence") -> NetTable:
    """The way of a packet, as a ``Verdict`` has it, a row for each step, in the order given.

    ``way`` is ``out`` or ``back``, ``what`` says what happens in ``ns`` at ``dev``, ``seen`` whether the probe was seen on this interface (missing
    where there is none), ``ok`` whether the packet goes on from there.

    >>> print(evidence([(1, "out", "red", "veth-red", "sends it to 10.0.0.2", True, True)], "the way from red"))
    the way from red
    step  way  ns   dev       what                  seen  ok
    1     out  red  veth-red  sends it to 10.0.0.2  yes   yes
    """
    return listed("evidence", rows, View(title, caption=True))
