"""Pictures of a lab, drawn from what the kernel has, never from what was typed.

``model`` turns a snapshot into rooms, sockets, cables and switches; ``text`` draws them as indented text.

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

from nsmagic.topology.model import Cable, Graph, Room, Socket, Stack, Tunnel, build
from nsmagic.topology.text import draw, text

__all__ = ["Cable", "Graph", "Room", "Socket", "Stack", "Tunnel", "build", "draw", "text"]
