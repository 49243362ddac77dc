"""Pictures of a lab, drawn from what the kernel has, never from what was typed.

``build`` turns a snapshot into rooms, sockets, cables and switches (``model``); ``text`` draws them as indented text, ``dot`` as a
picture for Graphviz, which ``render`` runs in a process of its own; ``picture`` is what a notebook shows.

>>> from nsmagic.topology.sample import cable
>>> print(text(cable()))
host
├─ lo                 UP
├─ blue
│  ├─ lo              DOWN
│  └─ veth-blue       DOWN  ⇄ red/veth-red
└─ red
   ├─ lo              DOWN
   └─ veth-red        DOWN  ⇄ blue/veth-blue
"""

from __future__ import annotations

from nsmagic.topology.build import build
from nsmagic.topology.model import Cable, Graph, Outer, Room, Socket, Stack, Tunnel
from nsmagic.topology.text import draw, text

__all__ = ["Cable", "Graph", "Outer", "Room", "Socket", "Stack", "Tunnel", "build", "draw", "text"]
