"""Making what is described: a description's commands in large requests, pipelined by the agent; a world's one by one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nsmagic.agent import protocol
from nsmagic.agent.client import Call, Client
from nsmagic.commands.cell import split
from nsmagic.commands.command import Command
from nsmagic.errors import LabError, NsmagicError, from_data
from nsmagic.model import HOST
from nsmagic.sentences import say
from nsmagic.worlds import World
from nsmagic.worlds.description import Source, Typed, read

if TYPE_CHECKING:
    from nsmagic.lab import Lab

#: Bytes of one request at most: in one the agent remembers the numbers of the links that it makes.
_MOST = protocol.MAX_FRAME - 4096


def build(lab: Lab, description: Source) -> None:
    """What ``Lab.build`` does.

    Raises
    ------
    NsmagicError
        As that says.
    """
    found = read(description)
    parts = list(_requests(found.commands))
    for number, part in enumerate(parts, 1):
        call = lab.client.call(
            "commands", commands=[each.data for each in part], several=True, quiet=True, brief=True, more=number < len(parts),
            total=len(found.commands),
        )  # fmt: skip
        refused: dict[int, NsmagicError] = {}
        try:
            _await(call, refused)
        except KeyboardInterrupt:
            call.cancel()
            _await(call, refused)
            _remember(lab, part, call, refused)
            raise
        _remember(lab, part, call, refused)
        if refused:
            first = min(refused)
            raise refused[first].with_hint(say("build-line", line=part[first].text))
    for room, text in found.texts:
        lab.run(text, room).check()


def _await(call: Call, refused: dict[int, NsmagicError]) -> None:
    """Wait for a request's end; what is refused, by its number."""
    for items in call.items():
        refused.update((item["n"], from_data(item["error"])) for item in items)


def _remember(lab: Lab, part: Sequence[Typed], call: Call, refused: Mapping[int, NsmagicError]) -> None:
    """What was done is in the lab's history, also when it was interrupted."""
    for at in range(call.result()["done"]):
        if at not in refused:
            lab.note(HOST, part[at].text, (), 0, False)


def _requests(commands: Sequence[Typed]) -> Iterator[list[Typed]]:
    """The commands, as many together as surely fit in a frame: names and values stand in one about as often as in what was typed, and
    outside ASCII they are escapes there."""
    part, size = list[Typed](), 0
    for each in commands:
        needs = 160 + len(each.text) * (2 if each.text.isascii() else 24)
        if part and size + needs > _MOST:
            yield part
            part, size = [], 0
        part.append(each)
        size += needs
    if part:
        yield part


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
