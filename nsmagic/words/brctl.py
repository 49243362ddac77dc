"""What ``brctl`` prints (``brctl_cmd.c`` and ``brctl_disp.c`` of bridge-utils)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from nsmagic.model import Link
from nsmagic.words.parts import NotInModel, safe


def text(links: Sequence[Link], only: str = "") -> str:
    """The output of ``brctl show``, or of ``brctl show BRIDGE``, from the links of one namespace.

    Raises
    ------
    NotInModel
        A row does not say the bridge's id.

    >>> text([]).split()
    ['bridge', 'name', 'bridge', 'id', 'STP', 'enabled', 'interfaces']
    """
    rows = []
    for bridge in sorted((link for link in links if link.kind == "bridge"), key=lambda link: link.ifname):
        if only not in ("", bridge.ifname):
            continue
        if "bridge_id" not in bridge.info:
            raise NotInModel(f"bridge id of {bridge.ifname}")
        priority, _, mac = str(bridge.info["bridge_id"]).partition(".")
        ports = sorted(link.ifname for link in links if link.master == bridge.ifname)
        stp = "yes" if bridge.info.get("stp_state") else "no"
        rows.append([bridge.ifname, f"{priority}.{mac.replace(':', '')}", stp, ", ".join(ports)])
    return bridges_text(rows)


def bridges_text(rows: Sequence[Sequence[Any]]) -> str:
    """The output of ``brctl show`` from its table: name, id, STP, ports."""
    lines = ["bridge name\tbridge id\t\tSTP enabled\tinterfaces\n"]
    for name, ident, stp, ports in rows:
        first, *rest = ports.split(", ")
        lines.append(f"{name}\t\t{ident}\t{stp}\t\t{first}\n")
        lines += [f"\t\t\t\t\t\t\t{port}\n" for port in rest]
    return safe("".join(lines))


def macs_text(rows: Sequence[Sequence[Any]]) -> str:
    r"""The output of ``brctl showmacs`` from its table: port, MAC, local, age in seconds.

    >>> macs_text([[1, "02:00:00:00:00:01", "yes", 0.0]]).splitlines()[1]
    '  1\t02:00:00:00:00:01\tyes\t\t   0.00'
    """
    lines = ["port no\tmac addr\t\tis local?\tageing timer\n"]
    lines += [f"{port:3}\t{mac}\t{local}\t\t{age:7.2f}\n" for port, mac, local, age in rows]
    return "".join(lines)


def stp_text(rows: Sequence[Sequence[Any]]) -> str:
    """The output of ``brctl showstp`` from its table: device, field, value; the bridge's fields come first."""
    groups = [
        (name, {field: value for _, field, value in part}) for name, part in groupby(rows, key=lambda row: str(row[0]))
    ]
    (bridge, of), *ports = groups
    lines = [
        bridge,
        f" bridge id\t\t{of['bridge id']}",
        f" designated root\t{of['designated root']}",
        f" root port\t\t{of['root port']:>4}\t\t\tpath cost\t\t{of['path cost']:>4}",
        f" max age\t\t{of['max age']:>7}\t\t\tbridge max age\t\t{of['max age']:>7}",
        f" hello time\t\t{of['hello time']:>7}\t\t\tbridge hello time\t{of['hello time']:>7}",
        f" forward delay\t\t{of['forward delay']:>7}\t\t\tbridge forward delay\t{of['forward delay']:>7}",
        f" ageing time\t\t{of['ageing time']:>7}",
        f" hello timer\t\t{of['hello timer']:>7}\t\t\ttcn timer\t\t{of['tcn timer']:>7}",
        f" topology change timer\t{of['topology change timer']:>7}\t\t\tgc timer\t\t{of['gc timer']:>7}",
        f" flags\t\t\t{_flags(of)}",
        "",
        "",
    ]
    for name, port in ports:
        lines += [
            f"{name} ({int(port['port id'], 16) & 0x3FF})",
            f" port id\t\t{port['port id']}\t\t\tstate\t\t{port['state']:>15}",
            f" designated root\t{port['designated root']}\tpath cost\t\t{port['path cost']:>4}",
            f" designated bridge\t{port['designated bridge']}\tmessage age timer\t{port['message age timer']:>7}",
            f" designated port\t{port['designated port']}\t\t\tforward delay timer\t{port['forward delay timer']:>7}",
            f" designated cost\t{port['designated cost']:>4}\t\t\thold timer\t\t{port['hold timer']:>7}",
            f" flags\t\t\t{_flags(port)}",
            *([f" hairpin mode\t\t{port['hairpin mode']:>4}"] if "hairpin mode" in port else []),
            "",
        ]
    return safe("".join(line + "\n" for line in lines))


def _flags(fields: dict[str, Any]) -> str:
    return "".join(f"{flag} " for flag in str(fields.get("flags", "")).split())
