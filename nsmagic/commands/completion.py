"""The next word of a line: tools, objects, verbs, keywords, namespaces and interfaces.

Pure and driven by tables; what exists in the lab is given. The keywords offered are those a learner needs, in the order in
which they are useful, and the grammar knows every one of them (a test asks it).

``complete`` is for a line inside a ``%%netns`` cell, ``complete_magic_line`` for the line of ``%%netns`` itself,
``complete_line_magic`` for ``%netns``, which has both on one line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from nsmagic.commands import bridge, ip
from nsmagic.commands.brctl import COMMANDS as BRCTL
from nsmagic.commands.grammar import Keywords
from nsmagic.commands.packages import NATIVE
from nsmagic.model import HOST

#: The interfaces of a namespace, None for the lab's host.
Interfaces = Callable[[str | None], Sequence[str]]

#: What a line may begin with.
TOOLS = (
    *NATIVE, "iptables", "ip6tables", "nft", "tcpdump", "curl", "nc", "python3", "bash", "cat", "conntrack", "ethtool",
    "iperf3", "ss", "sleep", "sudo", "tc", "traceroute", "wget",
)  # fmt: skip

#: Options of our magics which are followed by a value; the value itself is offered for ``--ns`` only.
VALUED = frozenset({"--out", "--timeout", "--ns", "--lab"})

ON_OFF = ("on", "off")
SCOPES = ("global", "link", "host")
TABLES = ("main", "local", "all")
PROTOCOLS = ("static", "kernel", "boot", "dhcp")
STATES = ("permanent", "reachable", "stale", "noarp")
KINDS = (
    "veth", "bridge", "vlan", "vxlan", "macvlan", "dummy", "bond", "ipvlan", "vrf", "ifb", "gre", "ipip", "sit", "wireguard",
)  # fmt: skip

_GLOBAL = ("-n", "-4", "-6", "-br", "-d", "-j", "-p", "-s", "-o", "-c", "-all", "-batch")
_BRIDGE_GLOBAL = ("-n", "-d", "-j", "-p", "-s", "-o", "-c", "-batch")
#: Global options that take a word.
_GLOBAL_VALUES = {"-n", "-netns", "-b", "-batch", "-f", "-family", "-rc", "-rcvbuf"}

_LINK = (
    "up", "down", "netns", "master", "nomaster", "name", "mtu", "address", "type", "txqueuelen", "arp", "promisc", "multicast",
    "allmulticast", "alias", "group",
)  # fmt: skip
_ADDR = ("dev", "broadcast", "peer", "scope", "label", "metric", "noprefixroute", "nodad", "valid_lft", "preferred_lft")
_ROUTE = (
    "via", "dev", "src", "metric", "table", "scope", "protocol", "onlink", "mtu", "nexthop",
)  # fmt: skip
_NEIGH = ("lladdr", "dev", "nud", "proxy", "router")
_RULE = ("from", "to", "iif", "oif", "fwmark", "table", "priority", "not", "ipproto", "sport", "dport")
_FDB = ("dev", "master", "self", "dst", "vlan", "static", "dynamic", "permanent", "local", "vni", "port", "via")
_VLAN = ("dev", "vid", "pvid", "untagged", "self", "master")

#: Marks of a place where a name stands.
IF, NS = "<interface>", "<namespace>"

#: (tool, object, verb) → what the first word may be when it is no keyword, and the keywords.
_FORMS: dict[tuple[str, str, str], tuple[tuple[str, ...], tuple[str, ...]]] = {
    ("ip", "link", "set"): ((IF, "dev", "group"), _LINK),
    ("ip", "link", "add"): (("name", "type", "link"), ("type", "name", "link", *_LINK)),
    ("ip", "link", "del"): ((IF, "dev"), ()),
    ("ip", "link", "show"): ((IF,), ("dev", "master", "type", "up", "group")),
    ("ip", "address", "add"): ((), _ADDR),
    ("ip", "address", "replace"): ((), _ADDR),
    ("ip", "address", "del"): ((), ("dev",)),
    ("ip", "address", "show"): ((IF,), ("dev", "scope", "to", "up", "master", "type", "label")),
    ("ip", "address", "flush"): (("dev",), ("dev", "scope", "to", "label")),
    ("ip", "route", "add"): (("default", "blackhole", "unreachable", "prohibit", "local"), _ROUTE),
    ("ip", "route", "replace"): (("default", "blackhole", "unreachable", "prohibit", "local"), _ROUTE),
    ("ip", "route", "append"): (("default",), _ROUTE),
    ("ip", "route", "change"): (("default",), _ROUTE),
    ("ip", "route", "del"): (("default",), ("via", "dev", "metric", "table", "protocol")),
    ("ip", "route", "show"): (("default",), ("dev", "table", "protocol", "scope", "type", "via")),
    ("ip", "route", "flush"): (("default",), ("dev", "table", "protocol", "scope")),
    ("ip", "route", "get"): ((), ("from", "iif", "oif", "mark", "fibmatch")),
    ("ip", "neigh", "add"): ((), _NEIGH),
    ("ip", "neigh", "replace"): ((), _NEIGH),
    ("ip", "neigh", "del"): ((), ("dev", "proxy")),
    ("ip", "neigh", "show"): ((), ("dev", "nud", "proxy")),
    ("ip", "neigh", "flush"): ((), ("dev", "nud")),
    ("ip", "rule", "add"): ((), _RULE),
    ("ip", "rule", "del"): ((), _RULE),
    ("ip", "rule", "show"): ((), ("from", "to", "table", "priority")),
    ("bridge", "link", "show"): ((), ("dev",)),
    ("bridge", "link", "set"): (("dev",), bridge.PORT_WORDS),
    ("bridge", "fdb", "show"): ((), ("br", "brport", "dev", "vlan", "state", "dynamic")),
    ("bridge", "fdb", "add"): ((), _FDB),
    ("bridge", "fdb", "append"): ((), _FDB),
    ("bridge", "fdb", "replace"): ((), _FDB),
    ("bridge", "fdb", "del"): ((), _FDB),
    ("bridge", "vlan", "show"): ((), ("dev", "vid")),
    ("bridge", "vlan", "add"): ((), _VLAN),
    ("bridge", "vlan", "del"): ((), _VLAN),
}

#: Verbs by object, in the order in which they are offered.
_VERBS: dict[tuple[str, str], tuple[str, ...]] = {
    ("ip", "netns"): ("add", "exec", "del", "list", "set", "pids", "identify", "attach"),
}
for _form in _FORMS:
    _VERBS[_form[:2]] = (*_VERBS.get(_form[:2], ()), _form[2])

#: Keyword → what follows it. A keyword that is not here takes a value of the person's own, or none (``_BARE``).
_VALUES: dict[str, tuple[str, ...]] = {
    "dev": (IF,), "master": (IF,), "link": (IF,), "br": (IF,), "brport": (IF,), "iif": (IF,), "oif": (IF,), "vrf": (IF,),
    "backup_port": (IF,), "netns": (NS,), "type": KINDS, "scope": SCOPES, "table": TABLES, "proto": PROTOCOLS,
    "protocol": PROTOCOLS, "nud": STATES, "state": bridge.PORT_STATES, "arp": ON_OFF, "promisc": ON_OFF, "multicast": ON_OFF,
    "allmulticast": ON_OFF, "hwmode": ("vepa", "veb"), **dict.fromkeys(bridge.ON_OFF, ON_OFF),
}  # fmt: skip
#: Keywords that are followed by the next keyword at once.
_BARE = frozenset(
    {
        "up", "down", "nomaster", "noprefixroute", "nodad", "onlink", "proxy", "router", "not", "self", "static", "dynamic",
        "permanent", "local", "pvid", "untagged", "nobackup_port", "fibmatch", "peer", "nexthop", "default", "blackhole",
        "unreachable", "prohibit",
    }
)  # fmt: skip
#: What ``type KIND`` goes on with.
_OF_KIND: dict[str, tuple[str, ...]] = {
    "veth": ("peer",),
    "bridge": ("stp_state", "vlan_filtering", "ageing_time", "forward_delay", "hello_time", "priority"),
    "vlan": ("id", "protocol"),
    "vxlan": ("id", "dstport", "local", "remote", "group", "dev", "nolearning"),
    "macvlan": ("mode",),
    "bond": ("mode", "miimon"),
    "vrf": ("table",),
}
_MODES = {"macvlan": ("bridge", "private", "vepa", "passthru"), "bond": ("active-backup", "balance-rr", "802.3ad")}

#: The tools without objects: option → what follows it, the words that stand bare.
_PLAIN: dict[str, tuple[dict[str, tuple[str, ...]], tuple[str, ...]]] = {
    "arp": ({"-i": (IF,), "-n": (), "-a": (), "-s": (), "-d": (), "dev": (IF,)}, ()),
    "route": (
        {"gw": (), "netmask": (), "metric": (), "dev": (IF,), "-net": (), "-host": (), "-n": (), "-6": ()},
        ("add", "del", "default", "reject"),
    ),
    "sysctl": (
        {"-w": (), "-n": (), "-a": (), "-p": (), "-r": ()},
        (
            "net.ipv4.ip_forward", "net.ipv4.conf.all.rp_filter", "net.ipv4.conf.all.proxy_arp",
            "net.ipv4.icmp_echo_ignore_all", "net.ipv4.ip_default_ttl", "net.ipv6.conf.all.forwarding",
            "net.ipv6.conf.all.disable_ipv6",
        ),
    ),
    "ping": (
        {"-c": (), "-I": (IF,), "-i": (), "-W": (), "-w": (), "-s": (), "-t": (), "-q": (), "-n": (), "-4": (), "-6": (),
         "-M": ("do", "dont", "want"), "-b": (), "-R": (), "-f": ()},
        (),
    ),
    "tcpdump": ({"-i": (IF, "any"), "-n": (), "-c": (), "-e": (), "-v": (), "-w": ()}, ("icmp", "arp", "tcp", "udp", "port", "host")),
    "iptables": (
        {"-t": ("nat", "filter", "mangle", "raw"), "-A": ("INPUT", "OUTPUT", "FORWARD", "PREROUTING", "POSTROUTING"),
         "-j": ("ACCEPT", "DROP", "MASQUERADE", "SNAT", "DNAT", "REJECT"), "-i": (IF,), "-o": (IF,), "-p": ("tcp", "udp", "icmp"),
         "-s": (), "-d": (), "-L": (), "-S": (), "-F": (), "-P": ("FORWARD", "INPUT", "OUTPUT"), "-n": (), "-v": (),
         "--dport": (), "--to-destination": (), "--to-source": ()},
        (),
    ),
    "ethtool": ({"-S": (IF,), "-k": (IF,), "-K": (IF,), "-i": (IF,)}, (IF,)),
}  # fmt: skip
_PLAIN["ping4"] = _PLAIN["ping6"] = _PLAIN["ping"]
_PLAIN["ip6tables"] = _PLAIN["iptables"]

_IFCONFIG = (
    "up", "down", "netmask", "broadcast", "mtu", "hw", "promisc", "-promisc", "arp", "-arp", "txqueuelen", "add", "del",
    "pointopoint", "multicast", "allmulti",
)  # fmt: skip

_WORD = re.compile(r"""(?:[^\s'"\\]|\\.|'[^']*'|"(?:[^"\\]|\\.)*")+""")
_PROMPT = re.compile(r"\s*(?:[\w.-]+@[\w.-]+(?::\S*)?[$#]\s+|\$\s+|#\s+)?")
#: More prefixes than this are not typed by anybody; it bounds the work.
_DEEPEST = 16


def complete(
    text_before_cursor: str,
    *,
    ns: str | None = None,
    namespaces: Sequence[str] = (),
    interfaces: Interfaces = lambda ns: (),
) -> list[str]:
    """The words that could stand at the cursor, which begin as the word there does.

    Parameters
    ----------
    text_before_cursor
        The line up to the cursor.
    ns
        The namespace in which the line runs, None for the lab's host.
    namespaces
        All names of namespaces.
    interfaces
        The interfaces of a namespace; asked only where one can stand.

    >>> lab = {"red": ["lo", "veth-red"], None: ["lo"]}
    >>> complete("ip -n ", namespaces=["blue", "red"])
    ['blue', 'red']
    >>> complete("ip -n red link set v", namespaces=["red"], interfaces=lab.__getitem__)
    ['veth-red']
    >>> complete("ip link set lo u", interfaces=lab.__getitem__)
    ['up']
    """
    line = _last_command(text_before_cursor)
    words, partial = _words(line)
    return _fitting(_candidates(words, partial, ns, namespaces, interfaces, 0), partial)


def complete_magic_line(
    text_before_cursor: str, *, namespaces: Sequence[str] = (), options: Iterable[str] = ()
) -> list[str]:
    """The next word of a ``%%netns`` line: a namespace and our options, in any order.

    >>> complete_magic_line("%%netns r", namespaces=["blue", "red"], options=["--out", "--text"])
    ['red']
    >>> complete_magic_line("%%netns red --t", namespaces=["red"], options=["--out", "--text"])
    ['--text']
    """
    words, partial = _words(text_before_cursor)
    words = words[1:] if words[:1] == ["%%netns"] else words
    if words and words[-1] in VALUED:
        return _fitting(_all(namespaces) if words[-1] == "--ns" else (), partial)
    used = set(words)
    named = _named(words)
    rest = [option for option in options if option not in used]
    return _fitting([*(() if named else _all(namespaces)), *rest], partial)


def complete_line_magic(
    text_before_cursor: str,
    *,
    namespaces: Sequence[str] = (),
    interfaces: Interfaces = lambda ns: (),
    options: Iterable[str] = (),
) -> list[str]:
    """The next word of a ``%netns`` line: our options, then a namespace or a command, then the command's words.

    >>> complete_line_magic("%netns red ip li", namespaces=["red"])
    ['link']
    >>> complete_line_magic("%netns re", namespaces=["red"])
    ['red']
    """
    words, partial = _words(text_before_cursor)
    words = words[1:] if words[:1] == ["%netns"] else words
    ns: str | None = None
    used: set[str] = set()
    while words and words[0].startswith("--"):
        option, _, value = words.pop(0).partition("=")
        used.add(option)
        if option in VALUED and not value:
            if not words:
                return _fitting(_all(namespaces) if option == "--ns" else (), partial)
            value = words.pop(0)
        ns = value if option == "--ns" and value != HOST else ns
    if not words:
        rest = [option for option in options if option not in used]
        return _fitting([*(() if "--ns" in used else _all(namespaces)), *TOOLS, *rest], partial)
    if words[0] not in TOOLS and "--ns" not in used and (words[0] in namespaces or words[0] == HOST):
        name = words.pop(0)
        ns = None if name == HOST else name
    return _fitting(_candidates(words, partial, ns, namespaces, interfaces, 0), partial)


# -- reading the line ----------------------------------------------------------------------------------------------------


def _last_command(text: str) -> str:
    """What follows the last ``&&``, ``;`` or ``|`` outside quotes."""
    start, quote = 0, ""
    for i, char in enumerate(text):
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif char in ";|&":
            start = i + 1
    return text[start:] if start else text[_end_of_prompt(text) :]


def _end_of_prompt(text: str) -> int:
    match = _PROMPT.match(text)
    return match.end() if match else 0


def _words(line: str) -> tuple[list[str], str]:
    """The complete words, and the one that the cursor stands in (perhaps empty)."""
    words = _WORD.findall(line)
    if line and not line[-1].isspace() and words:
        return words[:-1], words[-1]
    return words, ""


def _fitting(candidates: Iterable[str], partial: str) -> list[str]:
    return [word for word in dict.fromkeys(candidates) if word.startswith(partial)]


def _all(namespaces: Sequence[str]) -> list[str]:
    return [*namespaces, *(() if HOST in namespaces else (HOST,))]


def _named(words: Sequence[str]) -> bool:
    """Whether a namespace stands among the words of a ``%%netns`` line."""
    previous = ""
    for word in words:
        if not word.startswith("--") and previous not in VALUED:
            return True
        previous = word
    return "--ns" in words


# -- the tables at work --------------------------------------------------------------------------------------------------


def _candidates(
    words: list[str], partial: str, ns: str | None, namespaces: Sequence[str], interfaces: Interfaces, depth: int
) -> list[str]:
    """All that could come next, whatever the cursor's word begins with."""

    def fill(places: Iterable[str], where: str | None = ns) -> list[str]:
        """The marks replaced by the names there are."""
        found: list[str] = []
        for place in places:
            found += interfaces(where) if place == IF else namespaces if place == NS else (place,)
        return found

    while words and words[0] == "sudo":
        words = words[1:]
    if not words or depth > _DEEPEST:
        return list(TOOLS) if not words else []
    tool, rest = words[0], words[1:]
    if tool in ("ip", "bridge"):
        options = _GLOBAL if tool == "ip" else _BRIDGE_GLOBAL
        while rest and rest[0].startswith("-"):
            option = rest.pop(0)
            if option in _GLOBAL_VALUES:
                if not rest:
                    return fill((NS,)) if option in ("-n", "-netns") else []
                value = rest.pop(0)
                ns = value if option in ("-n", "-netns") else ns
        objects = ip.OBJECTS if tool == "ip" else bridge.OBJECTS
        if not rest:
            names = ("link", "addr", "route", "neigh", "netns", "rule") if tool == "ip" else ("link", "fdb", "vlan")
            return [*names, *(options if partial.startswith("-") else ())]
        return _object(tool, objects.find(rest[0]) or "", rest[1:], partial, ns, namespaces, interfaces, depth, fill)
    if tool == "brctl":
        return _brctl(rest, fill)
    if tool == "ifconfig":
        if not rest or (len(rest) == 1 and rest[0].startswith("-")):
            return fill((IF, "-a", "-s"))
        return ["ether"] if rest[-1] == "hw" else list(_IFCONFIG)
    if tool in _PLAIN:
        after, bare = _PLAIN[tool]
        if rest and after.get(rest[-1]):
            return fill(after[rest[-1]])
        loose = [word for word in after if not word.startswith("-")]
        if tool == "route":
            bare, loose = (bare[2:], loose) if rest else (bare[:2], [])
        return fill(
            [
                *bare,
                *loose,
                *((word for word in after if word.startswith("-")) if partial.startswith("-") or not rest else ()),
            ]
        )
    return []


def _object(
    tool: str, name: str, rest: list[str], partial: str, ns: str | None, namespaces: Sequence[str], interfaces: Interfaces,
    depth: int, fill: Callable[..., list[str]],
) -> list[str]:  # fmt: skip
    """What follows ``ip OBJECT`` or ``bridge OBJECT``."""
    verbs = _VERBS.get((tool, name), ())
    if not rest:
        return list(verbs)
    verb = _verb(tool, name, rest[0], verbs)
    rest = rest[1:]
    if name == "netns":
        if verb == "exec" and rest:
            return _candidates(rest[1:], partial, rest[0], namespaces, interfaces, depth + 1)
        return fill((NS,)) if verb in ("exec", "del", "set", "pids") and not rest else []
    form = _FORMS.get((tool, name, verb))
    if form is None:
        return []
    first, keywords = form
    if not rest:
        # Nothing is typed behind the verb: a name or the person's own word, or a keyword where all are optional.
        return fill([*first, *(keywords if verb in ("show", "flush") or not first else ())], ns)
    return fill(_next(name, verb, rest, keywords), ns)


def _verb(tool: str, name: str, word: str, verbs: Sequence[str]) -> str:
    """The verb that a word means, also when it is shortened."""
    table: Keywords = Keywords(" ".join(dict.fromkeys((*verbs, "delete=del", "list=show", "lst=show", "change"))))
    if word in verbs:
        return word
    if tool == "ip" and name == "link" and word == "s":
        return "set"
    return table.find(word) or ""


def _next(name: str, verb: str, rest: list[str], keywords: tuple[str, ...]) -> list[str]:
    """The places that may follow the last word: the value of a keyword, or the next keywords."""
    last = rest[-1]
    before = rest[-2] if len(rest) > 1 else ""
    kind = next((rest[i + 1] for i in range(len(rest) - 2, -1, -1) if rest[i] == "type"), "")
    of_kind = _OF_KIND.get(kind, ()) if name == "link" and verb in ("add", "set") else ()
    if last == "mode" and kind in _MODES:
        return list(_MODES[kind])
    if last == "via" and name == "fdb":
        return [IF]
    if last == "protocol" and kind == "vlan":
        return ["802.1Q", "802.1ad"]
    if last == "master" and name in ("fdb", "vlan"):
        pass  # a flag there
    elif last == "local" and kind == "vxlan":
        return []
    elif last in _VALUES and not (before == "type" and last == kind):
        return list(_VALUES[last])
    elif last in (*keywords, *of_kind) and last not in _BARE and before != "type":
        return []
    used = set(rest)
    if kind and name == "link" and verb in ("add", "set"):
        # Behind "type KIND" stand the options of that kind only; those of a peer are a link's own.
        words = ("name", "netns", "address", "mtu") if "peer" in used else of_kind
        return [word for word in words if word not in used or (word == "name" and last == "peer")]
    return [word for word in keywords if word not in used]


def _brctl(rest: list[str], fill: Callable[..., list[str]]) -> list[str]:
    if not rest:
        return list(BRCTL)
    name, given = rest[0], len(rest) - 1
    _, usage = BRCTL.get(name, (0, ""))
    places = usage.replace("[ ", "").split()
    if name == "addbr" or not places:
        return []
    place = places[min(given, len(places) - 1)]
    if given >= len(places) and name not in ("addif", "delif"):
        return []
    if "|" in place:
        return list(ON_OFF)
    return fill((IF,)) if place in ("<bridge>", "<device>", "<port>") else []
