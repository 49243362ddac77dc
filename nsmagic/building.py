"""Making what is described: a description's commands in large requests, pipelined by the agent; a world's one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nsmagic.agent.client import Client
from nsmagic.commands.cell import split
from nsmagic.commands.command import Command
from nsmagic.errors import LabError, NsmagicError, from_data
from nsmagic.model import HOST
from nsmagic.sentences import say
from nsmagic.worlds import World
from nsmagic.worlds.description import Source, read

if TYPE_CHECKING:
    from nsmagic.lab import Lab

#: Commands in one request; between two of them an interrupt has an end.
_AT_ONCE = 2000


def build(lab: Lab, description: Source) -> None:
    """What ``Lab.build`` does.

    Raises
    ------
    NsmagicError
        As that says.
    """
    found = read(description)
    for at in range(0, len(found.commands), _AT_ONCE):
        part = found.commands[at : at + _AT_ONCE]
        call = lab.client.call("commands", commands=[each.data for each in part], several=True, quiet=True)
        refused: NsmagicError | None = None
        try:
            for items in call.items():
                for item in items:
                    typed = part[item["n"]].text
                    if "error" not in item:
                        lab.note(HOST, typed, (), 0, False)
                    elif refused is None:
                        refused = from_data(item["error"]).with_hint(say("build-line", line=typed))
        except KeyboardInterrupt:
            call.cancel()
            call.result()
            raise
        if refused is not None:
            raise refused
    for room, text in found.texts:
        lab.run(text, room).check()


def build_world(client: Client, world: World) -> None:
    """Make the outside of a lab that has just begun: cables, the rooms' commands, name servers and pages.

    Raises
    ------
    LabError
        A command of the world is not known, or was refused.
    """
    for name in world.outside:
        client.request("hold", name=name)
    for cable in world.cables:
        (ns, ifname), (peer_ns, peer) = cable.first, cable.second
        args = {"ifname": ifname, "kind": "veth", "peer": {"ifname": peer, "netns": peer_ns}}
        _build_with(client, {"tool": "ip", "verb": "link.add", "args": args, "ns": ns}, world)
    for room in world.rooms:
        for text in room.commands:
            for step in split(text, room.name).steps:
                if not isinstance(step.run, Command):
                    raise LabError(f"world {world.name}: {text!r} is not a command that nsmagic knows")
                _build_with(client, {**step.run.to_data(), "ns": room.name}, world)
        if room.names or room.page:
            client.request("serve", ns=room.name, names=dict(room.names), page=room.page)
    if world.resolver:
        client.request("resolver", address=world.resolver)


def _build_with(client: Client, command: dict[str, Any], world: World) -> None:
    for item in client.call("commands", commands=[command]).items():
        if "error" in item:
            error = from_data(item["error"])
            raise LabError(f"world {world.name}, room {command['ns']}: {error.message}", hint=error.hint)
