"""What ``brctl show`` prints. ``showmacs`` and ``showstp`` print timers and ages, which rows do not have."""

from __future__ import annotations

from collections.abc import Sequence

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
    lines = ["bridge name\tbridge id\t\tSTP enabled\tinterfaces\n"]
    for bridge in sorted((link for link in links if link.kind == "bridge"), key=lambda link: link.ifname):
        if only not in ("", bridge.ifname):
            continue
        if "bridge_id" not in bridge.info:
            raise NotInModel(f"bridge id of {bridge.ifname}")
        priority, _, mac = str(bridge.info["bridge_id"]).partition(".")
        ident = f"{priority}.{mac.replace(':', '')}"
        ports = sorted(link.ifname for link in links if link.master == bridge.ifname)
        stp = "yes" if bridge.info.get("stp_state") else "no"
        first, *rest = ports or [""]
        lines.append(f"{bridge.ifname}\t\t{ident}\t{stp}\t\t{first}\n")
        lines += [f"\t\t\t\t\t\t\t{port}\n" for port in rest]
    return safe("".join(lines))
