"""``ip link``: add, set, delete, show, property.

The attributes (``mtu 1400``, ``up``, ``netns red`` …) are read by one function for ``add``, ``set``, ``delete`` and for
the ``peer`` of a veth, as in iproute2, so that the same words mean the same everywhere.

Notes on the arguments made here:

- ``netns`` is a name, or an int when it is written as one: look for a namespace of that name first, then take it as a
  pid. ``/run/netns/red`` is ``red``, ``/proc/17/ns/net`` is 17, any other path stays a path.
- ``ifname`` is absent when the kernel shall choose one (``ip link add type veth``).
- ``ip link add … up`` and ``… netns red`` are one request, as in iproute2.

More than 300 lines: ``add``, ``set``, ``delete`` and a veth's ``peer`` share one reader of attributes.
"""

from __future__ import annotations

import re
from typing import Any

from nsmagic.commands.grammar import GROUPS, Beyond, Keywords, Words, ifname_hint, matches, valid_ifname
from nsmagic.commands.kinds import read_data
from nsmagic.errors import CommandSyntaxError
from nsmagic.sentences import say

VERBS = Keywords("add set change=set replace delete=del show lst=show list=show xstats afstats property help")
ATTRIBUTES = Keywords(
    "up! down! name! index! link address broadcast brd!=broadcast txqueuelen qlen!=txqueuelen txqlen=txqueuelen mtu!"
    " xdpgeneric!=xdp xdpdrv!=xdp xdpoffload!=xdp xdp! netns! multicast! allmulticast! promisc! trailers! arp! carrier!"
    " vf! master vrf! nomaster dynamic type alias group! mode! state! numtxqueues numrxqueues addrgenmode link-netns"
    " link-netnsid protodown! protodown_reason! gso_max_size! gso_max_segs! gro_max_size! parentdev! help dev!"
)
SHOW = Keywords(
    "to! scope! up! dynamic! primary! secondary! temporary! nodad! optimistic! dadfailed! home! deprecated! tentative!"
    " permanent! mngtmpaddr! noprefixroute! autojoin! stable-privacy! label! group! master! vrf! nomaster! type! dev! help"
)
_SHOWN = {"up", "group", "master", "nomaster", "type", "dev"}
_SWITCHES = {"multicast", "allmulticast", "promisc", "trailers", "arp", "dynamic"}
_NUMBERS = {
    "txqueuelen": "txqlen", "mtu": "mtu", "numtxqueues": "numtxqueues", "numrxqueues": "numrxqueues",
    "gso_max_size": "gso_max_size", "gso_max_segs": "gso_max_segs", "gro_max_size": "gro_max_size",
}  # fmt: skip
_UNSIGNED = {"gso_max_size", "gso_max_segs", "gro_max_size"}
_ADDRGENMODES = ("eui64", "none", "stable_secret", "random")
#: What is worth naming when a word is none of ours.
_EXPECTED = tuple(
    name for name in ATTRIBUTES.names
    if name not in {"xdp", "vf", "mode", "state", "protodown_reason", "parentdev", "help", "link-netnsid"}
)  # fmt: skip
_NETNS_PATH = re.compile(r"/(?:var/)?run/netns/([^/]+)\Z")
_PROC_PATH = re.compile(r"/proc/([0-9]{1,10})/ns/net\Z")
_ALIAS_SIZE = 256


def parse(words: Words, family: str | None = None) -> tuple[str, dict[str, Any]]:
    """Read what follows ``ip link``: the verb and its arguments as in ``command.py``.

    >>> parse(Words("ip link set veth-red netns red".split(), 2))
    ('link.set', {'dev': 'veth-red', 'netns': 'red'})
    """
    if not words.more:
        return "link.show", {}
    word = words.next()
    match VERBS.find(word):
        case "add":
            return "link.add", _add(words)
        case "set":
            return "link.set", _set(words)
        case "del":
            return "link.del", _delete(words)
        case "show":
            return "link.show", _show(words)
        case "property":
            return "link.property", _property(words)
        case "replace" | "xstats" | "afstats" | "help":
            raise Beyond(word)
    raise words.unknown(
        f'Command "{word}" is unknown, try "ip link help".', ("add", "set", "delete", "show", "property")
    )


def attributes(words: Words, *, peer: bool = False) -> dict[str, Any]:
    """Read link attributes up to the end or to ``type KIND``, which is stored under ``type``.

    The device comes back as ``dev`` (the bare word or ``dev X``) and as ``name``, both only when typed.
    """
    found: dict[str, Any] = {}
    while words.more:
        word = words.next()
        key = ATTRIBUTES.find(word)
        if key is None or key == "dev":
            if key == "dev":
                word = words.next(("an interface",))
            if "dev" in found:
                raise words.garbage("dev", _EXPECTED)
            _check_name(words, word, "dev")
            found["dev"] = word
        elif key == "type":
            if "type" in found or peer:
                words.next(("a type of link",))
                raise words.repeated("type")
            found["type"] = words.next(("a type of link",))
            break
        else:
            try:
                _attribute(words, key, found)
            except CommandSyntaxError as error:
                if word in ATTRIBUTES.spellings():
                    raise
                # An interface called "a" or "t": the tool takes the name for a shortened keyword.
                hint = say("form-shortened", word=word, key=key)
                message, expected = error.message, error.expected
                raise CommandSyntaxError(message, text=error.text, at=error.at, expected=expected, hint=hint) from None
    return found


def _check_name(words: Words, name: str, key: str) -> None:
    """The tool checks the bare name for bad characters only: it could be an alternative name, which may be longer."""
    if not valid_ifname(name, alternative=True) or (key == "name" and not valid_ifname(name)):
        raise words.wrong(f'"{key}" not a valid ifname', hint=ifname_hint(name))


def _attribute(words: Words, key: str, found: dict[str, Any]) -> None:
    """One attribute after its keyword."""
    if key in ("up", "down"):
        found["up"] = key == "up"
    elif key in _SWITCHES:
        found[key] = words.on_off(key)
    elif key in _NUMBERS:
        name = _NUMBERS[key]
        words.next(("a number",))
        if name in found:
            raise words.repeated(key)
        words.back()
        found[name] = (words.u32 if key in _UNSIGNED else words.integer)(f'Invalid "{key}" value')
    elif key == "name":
        name = words.next(("a name",))
        if "name" in found:
            raise words.repeated("name")
        _check_name(words, name, "name")
        found["name"] = name
    elif key == "index":
        words.next(("a number",))
        if "index" in found:
            raise words.repeated("index")
        words.back()
        found["index"] = words.number('Invalid "index" value', 1, 0x7FFFFFFF)
    elif key == "link":
        found["lower"] = words.device()
    elif key == "address":
        found["mac"] = words.lladdr()
    elif key == "broadcast":
        found["broadcast_mac"] = words.lladdr()
    elif key == "netns":
        words.next(("a namespace",))
        if "netns" in found:
            raise words.repeated("netns")
        words.back()
        found["netns"] = netns(words)
    elif key == "master":
        found["master"] = words.device()
    elif key == "nomaster":
        found["master"] = ""
    elif key == "alias":
        found["alias"] = words.next(("a text",))
        if len(found["alias"].encode(errors="surrogateescape")) >= _ALIAS_SIZE:
            raise words.wrong("alias too long", hint=say("form-alias-long", most=_ALIAS_SIZE - 1))
    elif key == "group":
        words.next(("a group",))
        if "group" in found:
            raise words.repeated("group")
        words.back()
        found["group"] = group(words)
    elif key == "addrgenmode":
        mode = words.next(_ADDRGENMODES).lower()
        if mode not in _ADDRGENMODES:
            raise words.wrong("Invalid address generation mode", expected=_ADDRGENMODES)
        found["addrgenmode"] = mode
    elif key in ("carrier", "protodown"):
        found[key] = words.one_of(key, ("off", "on")) == "on"
    else:
        raise Beyond(key)


def netns(words: Words) -> str | int:
    """Where a link shall go: a name, or a number that may be a pid (see the module's docstring)."""
    word = words.next(("a namespace",))
    if found := _NETNS_PATH.match(word):
        return found[1]
    if found := _PROC_PATH.match(word):
        return int(found[1])
    if not word:
        raise words.wrong('Invalid "netns" value', hint=say("form-ns-empty"))
    if word.isascii() and word.isdigit() and len(word) < 11 and str(int(word)) == word:
        return int(word)
    return word


def group(words: Words) -> int:
    """A device group: a number, or ``default``."""
    return words.named_number('Invalid "group" value', GROUPS, 0, 0x7FFFFFFF)


def _kind(words: Words, args: dict[str, Any], kind: str, *, create: bool) -> None:
    """``type KIND`` and its own options: ``kind``, or ``port_kind`` for ``bridge_slave``, and ``data``."""
    if kind.endswith("_slave"):
        args["port_kind"] = kind.removesuffix("_slave")
    else:
        args["kind"] = kind
    if kind in ("veth", "vxcan") and create:
        _peer(words, args, kind)
        return
    data = read_data(words, kind, create=create)
    if data:
        args["data"] = data


def _peer(words: Words, args: dict[str, Any], kind: str) -> None:
    """``peer [name] NAME [attributes]``."""
    if not words.more:
        return
    word = words.next(("peer",))
    if word != "peer":
        message = f"Usage: ip link <options> type {kind} [peer <options>]"
        raise words.unknown(message, ("peer",))
    found = attributes(words, peer=True)
    name = found.pop("name", None)
    dev = found.pop("dev", None)
    if name and dev and name != dev:
        raise words.fail('both "name" and "dev" cannot be used when creating devices.', hint=say("form-peer-once"))
    if name or dev:
        found = {"ifname": name or dev, **found}
    args["peer"] = found


def _add(words: Words) -> dict[str, Any]:
    found = attributes(words)
    name = found.pop("name", None)
    dev = found.pop("dev", None)
    kind = found.pop("type", None)
    if "group" in found and not (name or dev):
        raise words.fail("group cannot be used when creating devices.", hint=say("form-name-new"))
    if name and dev and name != dev:
        raise words.fail('both "name" and "dev" cannot be used when creating devices.', hint=say("form-link-once"))
    if kind is None:
        message = 'Not enough information: "type" argument is required'
        hint = say("form-which-kind")
        raise words.missing(message, ("type",), hint)
    args: dict[str, Any] = {}
    if name or dev:
        args["ifname"] = name or dev
    _kind(words, args, kind, create=True)
    return {**args, **found}


def _target(words: Words, found: dict[str, Any]) -> dict[str, Any]:
    """The device that is meant: ``dev``, else ``name``, else all of a group."""
    name = found.get("name")
    dev = found.pop("dev", None)
    if dev is None and name is not None:
        dev = found.pop("name")
    if name is not None and name == dev:
        found.pop("name", None)
    if dev is not None:
        return {"dev": dev}
    if "group" in found:
        return {"group_all": found.pop("group")}
    message = 'Not enough information: "dev" argument is required.'
    hint = say("form-which-dev")
    raise words.missing(message, ("an interface",), hint)


def _set(words: Words) -> dict[str, Any]:
    found = attributes(words)
    kind = found.pop("type", None)
    args = _target(words, found)
    if "index" in found and "netns" not in found:
        message = "index can be used only when creating devices or when moving device to another netns."
        raise words.fail(message, hint=say("form-index"))
    if "lower" in found:
        raise Beyond("link")
    if kind is not None:
        if "group_all" in args:
            raise Beyond("type")
        _kind(words, args, kind, create=False)
    return {**args, **found}


def _delete(words: Words) -> dict[str, Any]:
    found = attributes(words)
    kind = found.pop("type", None)
    args = _target(words, found)
    if kind is not None:
        if words.more:
            raise Beyond("type")
        args["kind"] = kind
    if found:
        raise Beyond("attributes of ip link delete")
    return args


def _show(words: Words) -> dict[str, Any]:
    args: dict[str, Any] = {}
    while words.more:
        word = words.next()
        key = SHOW.find(word)
        if key is None and word.startswith("-") and SHOW.find(word[1:]) is not None:
            raise Beyond(word)
        if key is None or key == "dev":
            device_filter(words, args, word, key)
        elif key not in _SHOWN:
            raise Beyond(key)
        else:
            link_filter(words, args, key)
    return args


def device_filter(words: Words, args: dict[str, Any], word: str, key: str | None) -> None:
    """The device of ``show`` and ``flush``: ``dev X``, or a bare word that is no keyword."""
    if key == "dev":
        word = words.next(("an interface",))
    elif matches(word, "help"):
        raise Beyond("help")
    if "dev" in args:
        raise words.garbage("dev", ("up", "master", "type", "dev"))
    args["dev"] = word


def link_filter(words: Words, args: dict[str, Any], key: str) -> None:
    """A filter that ``ip link show`` and ``ip addr show`` share."""
    match key:
        case "up":
            args["up"] = True
        case "group":
            args["group"] = group(words)
        case "master":
            args["master"] = words.device()
        case "nomaster":
            args["nomaster"] = True
        case _:
            kind = words.next(("a type of link",))
            if kind.endswith("_slave"):
                args["port_kind"] = kind.removesuffix("_slave")
            else:
                args["kind"] = kind


def _property(words: Words) -> dict[str, Any]:
    word = words.next(("add", "del"))
    verb = Keywords("add del help").find(word)
    if verb == "help":
        raise Beyond("help")
    if verb is None:
        raise words.unknown("Operator required", ("add", "del"))
    dev = None
    names: list[str] = []
    keywords = Keywords("altname help dev!")
    while words.more:
        word = words.next()
        key = keywords.find(word)
        if key == "help":
            raise Beyond("help")
        if key == "altname":
            names.append(words.next(("a name",)))
            if not valid_ifname(names[-1], alternative=True):
                raise words.wrong("not a valid altname", hint=ifname_hint(names[-1]))
            continue
        if key == "dev":
            word = words.next(("an interface",))
        if dev is not None:
            raise words.garbage("dev", ("altname", "dev"))
        dev = word
    if dev is None:
        message = 'Not enough information: "dev" argument is required.'
        raise words.missing(message, ("dev",), say("form-which-interface"))
    return {"dev": dev, "add": verb == "add", "altnames": names}
