"""What would be read if the commands of a fix had been typed: each is carried out on a copy of what was read, never in the lab.

Only the commands that fixes consist of are known. Of any other nothing is supposed: ``mended`` says None, and whoever asks says less.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence

from nsmagic.model import HOST, IFF_NOARP, FdbEntry, Route, Rule
from nsmagic.why import ruling
from nsmagic.why.draft import METRIC6, PVID, UNTAGGED, Draft
from nsmagic.why.situation import Situation

_MAIN = 254
_EVERYWHERE = ("0.0.0.0", "::")
_TYPES = frozenset({"blackhole", "unreachable", "prohibit"})


def mended(s: Situation, commands: Sequence[str]) -> tuple[Situation, frozenset[str]] | None:
    """The situation after some commands, and the namespaces in which the kernel would answer otherwise than it did; None when there are none, or
    one is not understood, or would fail."""
    draft = Draft(s)
    if not commands or not all(_done(draft, shlex.split(line)) for line in commands):
        return None
    return draft.situation(), frozenset(draft.changed)


def _done(draft: Draft, words: list[str]) -> bool:
    ns = HOST
    if words[:3] == ["ip", "netns", "exec"]:
        ns, words = words[3], words[4:]
    elif words[0] in ("ip", "bridge") and words[1:2] == ["-n"]:
        ns, words = words[2], [words[0], *words[3:]]
    words = [word for word in words if word != "-6"] if words[0] == "ip" else words
    if words[-1] == "&":
        return _started(draft, ns, words[:-1])
    for start, what in _KNOWN.items():
        if tuple(words[: len(start)]) == start:
            return what(draft, ns, words[len(start) :])
    return False


def _pairs(words: Sequence[str], known: Sequence[str]) -> dict[str, str] | None:
    """Words in pairs, ``via 10.0.0.1 dev eth0``; None when one is not known."""
    if len(words) % 2 or any(word not in known for word in words[::2]):
        return None
    return dict(zip(words[::2], words[1::2], strict=True))


# Links


def _link_set(draft: Draft, ns: str, words: list[str]) -> bool:
    words = words[1:] if words[:1] == ["dev"] else words
    dev, words = words[0], words[1:]
    while words:
        link = draft.link(ns, dev)
        if link is None:
            return False
        word, value = words[0], words[1] if len(words) > 1 else ""
        if word in ("up", "down", "nomaster"):
            words = words[1:]
        else:
            words = words[2:]
        if word == "up":
            if not draft.switch_on(link):
                return False
        elif word == "down":
            draft.switch_off(link)
        elif word == "master":
            above = draft.link(ns, value)
            if above is None:
                return False
            draft.enslave(link, above)
        elif word == "mtu":
            draft.change(link, mtu=int(value))
        elif word == "address":
            draft.change(link, mac=value)
            draft.neighbours = [row for row in draft.neighbours if row.mac != link.mac or row.state == "PERMANENT"]
        elif word == "arp":
            draft.change(link, flags=link.flags & ~IFF_NOARP if value == "on" else link.flags | IFF_NOARP)
        elif word == "netns":
            return not words and draft.move(link, value)
        elif (word, value, words) == ("type", "bridge", ["stp_state", "0"]):
            # Its ports stay in the state that they had come to, until that one's time is over.
            draft.change(link, info={**link.info, "stp_state": 0})
            words = []
        elif word == "type" and value == link.kind and words[:1] == ["mode"] and len(words) == 2:
            draft.change(link, info={**link.info, "mode": words[1]})
            words = []
        else:
            return False
    return True


def _link_add(draft: Draft, ns: str, words: list[str]) -> bool:
    """``NAME [netns NS] type veth peer name NAME [netns NS]``, as a cable is made; ``link LOWER name NAME type vlan …`` and ``NAME type vxlan …``,
    as links are made anew; ``NAME link LOWER type macvlan mode MODE`` (or ipvlan); ``NAME type bridge``."""
    if words[:1] == ["link"] and words[2:3] == ["name"] and words[4:7] == ["type", "vlan", "id"] and len(words) == 8:
        return draft.make(ns, words[3], "vlan", words[1], {"id": int(words[7])})
    if (
        words[1:2] == ["link"]
        and words[3:5] in (["type", "macvlan"], ["type", "ipvlan"])
        and words[5:6] == ["mode"]
        and len(words) == 7
    ):
        return draft.make(ns, words[0], words[4], words[2], {"mode": words[6]})
    if words[1:] == ["type", "bridge"]:
        return draft.make(ns, words[0], "bridge", "", {})
    if words[1:3] == ["type", "vxlan"]:
        return _vxlan_add(draft, ns, words[0], words[3:])
    mine, words = words[0], words[1:]
    here = there = ns
    if words[:1] == ["netns"]:
        here, words = words[1], words[2:]
    if words[:4] != ["type", "veth", "peer", "name"]:
        return False
    theirs, words = words[4], words[5:]
    if words[:1] == ["netns"]:
        there, words = words[1], words[2:]
    return not words and draft.cable((here, mine), (there, theirs))


def _vxlan_add(draft: Draft, ns: str, name: str, words: list[str]) -> bool:
    silent = words[-1:] == ["nolearning"]
    given = _pairs(words[:-1] if silent else words, ("id", "local", "remote", "group", "dev", "dstport"))
    if given is None:
        return False
    info: dict[str, object] = {"id": int(given["id"]), "port": int(given["dstport"]), "learning": not silent}
    for word in ("local", "remote", "group"):
        if word in given:
            info[f"{word}6" if ":" in given[word] else word] = given[word]
    return draft.make(ns, name, "vxlan", given.get("dev", ""), info)


def _fdb_append(draft: Draft, ns: str, words: list[str]) -> bool:
    given = _pairs(words[1:], ("dev", "dst"))
    if not given or draft.link(ns, given["dev"]) is None:
        return False
    draft.fdb.append(FdbEntry(ns, words[0], given["dev"], dst=given["dst"]))
    return True


def _vlan_add(draft: Draft, ns: str, words: list[str]) -> bool:
    """``dev PORT vid NUMBER [pvid] [untagged] [self]``."""
    given, tags = _pairs(words[:4], ("dev", "vid")), words[4:]
    link = draft.link(ns, given["dev"]) if given else None
    if link is None or not given or not {*tags} <= {"pvid", "untagged", "self"}:
        return False
    draft.carry(link, int(given["vid"]), (PVID if "pvid" in tags else 0) | (UNTAGGED if "untagged" in tags else 0))
    return True


def _link_del(draft: Draft, ns: str, words: list[str]) -> bool:
    link = draft.link(ns, words[-1])
    if link is None:
        return False
    draft.remove(link)
    return True


def _port_set(draft: Draft, ns: str, words: list[str]) -> bool:
    """``bridge link set dev PORT state 3`` and ``isolated off``."""
    given = _pairs(words, ("dev", "state", "isolated"))
    link = draft.link(ns, given.get("dev", "")) if given else None
    if link is None or not given:
        return False
    if "isolated" in given:
        draft.change(link, port={**link.port, "isolated": given["isolated"] == "on"})
    elif given.get("state") == "3":
        draft.change(link, port={**link.port, "state": "forwarding"})
    else:
        return False
    return True


# Addresses, routes, rules, neighbours


def _address(draft: Draft, ns: str, words: list[str], add: bool) -> bool:
    given = _pairs(words[1:], ("dev",))
    link = draft.link(ns, given.get("dev", "")) if given else None
    if link is None:
        return False
    address, _, length = words[0].partition("/")
    full = int(length) if length else 128 if ":" in address else 32
    return (draft.add_address if add else draft.remove_address)(link, address, full)


def _route(draft: Draft, ns: str, words: list[str], verb: str) -> bool:
    kind = words[0] if words[0] in _TYPES else "unicast"
    words = words[1:] if kind != "unicast" else words
    given = _pairs(words[1:], ("via", "dev", "table", "metric"))
    if given is None:
        return False
    gateway, dev = given.get("via", ""), given.get("dev", "")
    table = {"main": _MAIN, "local": 255}.get(given.get("table", "main")) or int(given["table"])
    six = ":" in (gateway or words[0])
    if words[0] == "default" and not gateway:
        return False
    dst = words[0].removesuffix("/128" if six else "/32")
    family = "inet6" if six else "inet"

    def same(row: Route) -> bool:
        return (row.ns, row.family, row.dst, row.table) == (ns, family, dst, table)

    if verb == "del":
        return draft.remove_first(
            "routes",
            lambda row: same(row) and row.type == kind and gateway in ("", row.gateway) and dev in ("", row.dev),
        )
    dev = dev or (draft.device(ns, gateway) if gateway else "")
    if kind == "unicast" and (draft.link(ns, dev) is None):
        return False
    metric = int(given.get("metric", METRIC6 if six else 0))
    there = [row for row in draft.routes if same(row) and row.metric == metric and row.type != "local"]
    if there and verb == "add" and (not six or any(row.gateway == gateway for row in there)):
        return False
    draft.routes = [row for row in draft.routes if row not in there or verb == "add"]
    scope = "link" if kind == "unicast" and not gateway and not six else "global"
    new = Route(
        ns, family, dst, gateway, dev, protocol="boot", scope=scope, metric=metric, table=table, type=kind
    )  # fmt: skip
    draft.routes.append(new)
    draft.changed.add(ns)
    return True


def _rule_del(draft: Draft, ns: str, words: list[str]) -> bool:
    given = _pairs(words, ("priority",))
    return bool(given) and draft.remove_first(
        "rules", lambda row: row.ns == ns and row.priority == int((given or {})["priority"])
    )


def _rule_add(draft: Draft, ns: str, words: list[str]) -> bool:
    if words[:1] != ["priority"] or words[2:] != ["table", "main"]:
        return False
    families = {row.family for row in draft.rules if row.ns == ns and row.priority == int(words[1])}
    draft.rules += [Rule(ns, each, int(words[1]), table=_MAIN) for each in ("inet", "inet6") if each not in families]
    draft.changed.add(ns)
    return True


def _neighbour_del(draft: Draft, ns: str, words: list[str]) -> bool:
    given = _pairs(words[1:], ("dev",))
    return bool(given) and draft.remove_first(
        "neighbours", lambda row: (row.ns, row.address, row.dev) == (ns, words[0], (given or {})["dev"])
    )


# Kernel parameters, waiting


def _sysctl(draft: Draft, ns: str, words: list[str]) -> bool:
    for word in words:
        name, equals, value = word.partition("=")
        steps = name.split(".")
        if not equals or steps[0] != "net":
            return False
        if steps[2:3] == ["conf"] and len(steps) > 4:
            steps = [*steps[:3], ".".join(steps[3:-1]), steps[-1]]
        draft.parameter(ns, "/".join(steps[1:]), value)
    return True


# Programs


def _started(draft: Draft, ns: str, words: list[str]) -> bool:
    """A program that is left running: a web server, ``nc``, or one that was ended a line before and waits at another address now."""
    six = "-6" in words or "::" in words
    for each in draft.ended:
        if words in (
            [everywhere if word == each.address else word for word in each.argv] for everywhere in _EVERYWHERE
        ):
            draft.listen(ns, each.proto.rstrip("6") + ("6" if six else ""), "::" if six else "0.0.0.0", each.port)
            return True
    serving = words[:3] == ["python3", "-m", "http.server"] or words[:1] == ["nc"]
    if not serving or not words[-1].isdigit():
        return False
    proto = "udp" if "-luk" in words else "tcp"
    draft.listen(ns, f"{proto}6" if six else proto, "::" if six else "0.0.0.0", int(words[-1]))
    return True


def _kill(draft: Draft, ns: str, words: list[str]) -> bool:
    del ns
    return len(words) == 1 and words[0].isdigit() and draft.end(int(words[0]))


def _slept(draft: Draft, ns: str, words: list[str]) -> bool:
    del ns, words
    draft.settled()
    return True


_KNOWN: dict[tuple[str, ...], Callable[[Draft, str, list[str]], bool]] = {
    ("ip", "link", "set"): _link_set,
    ("ip", "link", "add"): _link_add,
    ("ip", "link", "del"): _link_del,
    ("bridge", "link", "set"): _port_set,
    ("bridge", "fdb", "append"): _fdb_append,
    ("bridge", "vlan", "add"): _vlan_add,
    ("ip", "addr", "add"): lambda draft, ns, words: _address(draft, ns, words, True),
    ("ip", "addr", "del"): lambda draft, ns, words: _address(draft, ns, words, False),
    ("ip", "route", "add"): lambda draft, ns, words: _route(draft, ns, words, "add"),
    ("ip", "route", "replace"): lambda draft, ns, words: _route(draft, ns, words, "replace"),
    ("ip", "route", "del"): lambda draft, ns, words: _route(draft, ns, words, "del"),
    ("ip", "rule", "del"): _rule_del,
    ("ip", "rule", "add"): _rule_add,
    ("ip", "neigh", "del"): _neighbour_del,
    ("sysctl", "-w"): _sysctl,
    **{(tool,): ruling.iptables(tool) for tool in ("iptables", "ip6tables", "iptables-legacy", "ip6tables-legacy")},
    ("nft",): ruling.nft,
    ("sleep",): _slept,
    ("kill",): _kill,
}
