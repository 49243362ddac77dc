"""What a typed command would have printed: the one place that knows which module words which verb."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from nsmagic.commands.command import Command
from nsmagic.model import SysctlValue, make_row
from nsmagic.snapshot import Snapshot
from nsmagic.words import addr, arp, brctl, bridge, link, neigh, netns, netroute, route, rule, sysctl
from nsmagic.words.parts import Around, NotInModel, dumps


def said_item(command: Command, item: Mapping[str, Any], everything: Callable[[], Snapshot]) -> str:
    """The output of a showing command, from the agent's answer; parameters and errors as for :func:`said`."""
    if item.get("columns"):
        return said_table(command, item["table"], item["rows"])
    made = SysctlValue.from_values if item["table"] == "sysctls" else partial(make_row, item["table"])
    rows = [made(row) for row in item["rows"]]
    more = Snapshot.from_data(item.get("more") or {})
    return said(command, item["table"], rows, more, everything(), item.get("further", {}).get("all"))


def said_table(command: Command, table: str, rows: Sequence[Sequence[Any]]) -> str:
    """The output of a showing command whose table is not one of the model's, from that table's rows.

    Raises
    ------
    NotInModel
        The rows do not say all that the tool would print.
    """
    if command.display.get("json") and table != "vlans":
        raise NotInModel(f"{command.tool} {command.verb} as JSON")
    match table:
        case "bridges":
            return brctl.bridges_text(rows)
        case "macs":
            return brctl.macs_text(rows)
        case "stp":
            return brctl.stp_text(rows)
        case "vlans":
            ports = bridge.ports_of(rows)
            if command.display.get("json"):
                return dumps(bridge.vlan_json(ports), bool(command.display.get("pretty")))
            return bridge.vlan_text(ports)
    raise NotInModel(f"the words of {command.verb}")


def said(
    command: Command,
    table: str,
    rows: Sequence[Any],
    more: Snapshot,
    everything: Snapshot,
    counters: link.Counters | None = None,
) -> str:
    """The output of a showing command.

    Parameters
    ----------
    command
        What was typed.
    table, rows
        What it showed, as row objects.
    more
        The tables that belong to it (links of ``ip addr``).
    everything
        Links and namespaces of the whole lab, for the other ends of cables.
    counters
        Those of each link by name, where ``-s`` asks for them.

    Raises
    ------
    NotInModel
        The rows do not say all that the tool would print; the real tool has to be asked.
    """
    display, args = command.display, command.args
    around = Around(everything)
    if command.tool in ("arp", "route", "ifconfig", "brctl"):
        if display.get("json"):
            raise NotInModel(f"{command.tool} has no JSON")
        return _old_tool(command, table, rows, more)
    json_ = bool(display.get("json"))
    match table:
        case "links" if command.tool == "bridge":
            made = bridge.link_json(rows, display, around) if json_ else bridge.link_text(rows, display, around)
        case "links":
            make_links = link.json_rows if json_ else link.text
            made = make_links(rows, display, around, counters)
        case "addrs":
            options: Mapping[str, Any] = {"family": args.get("family"), "listed": "dev" not in args}
            links = more.links.rows
            make = addr.json_rows if json_ else addr.text
            made = make(links, rows, display, around, **options)
        case "routes":
            made = route.json_rows(rows, display, args) if json_ else route.text(rows, display, args)
        case "neighbours":
            made = neigh.json_rows(rows, display, args) if json_ else neigh.text(rows, display, args)
        case "rules":
            made = rule.json_rows(rows, display) if json_ else rule.text(rows, display)
        case "fdb":
            made = bridge.fdb_json(rows, display) if json_ else bridge.fdb_text(rows, display)
        case "namespaces":
            made = netns.json_rows(rows) if json_ else netns.text(rows)
        case "sysctls":
            made = sysctl.text(rows, args)
        case _:
            raise NotInModel(f"the words of {command.verb}")
    return made if isinstance(made, str) else dumps(made, bool(display.get("pretty")))


def _old_tool(command: Command, table: str, rows: Sequence[Any], more: Snapshot) -> str:
    match command.tool, table:
        case "arp", "neighbours":
            return arp.bsd_text(rows) if command.display.get("brief") else arp.text(rows)
        case "route", "routes":
            return netroute.text(
                rows, bool(command.display.get("numeric")), extended=bool(command.display.get("details"))
            )
        case "brctl", "links":
            return brctl.text(rows, str(command.args.get("br", "")))
    raise NotInModel(f"the words of {command.tool} {command.verb}")
