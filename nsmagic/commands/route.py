"""``ip route``: add, change, replace, append, prepend, test, delete, show, flush, get.

Defaults that iproute2 works out are filled in, so that ``apply`` needs none. On add and its sisters: ``type`` unicast,
``protocol`` 3 (boot), ``table`` 254 (main; 255, local, for local, broadcast, anycast and nat), ``scope`` (IPv6: 0; host
for local; link for broadcast, multicast, anycast and for unicast without a gateway; else global). On del: ``table`` and
``scope`` (255, nowhere: any, where nothing says more); ``type`` and ``protocol`` only when typed.

``dst`` is ``"default"`` or a prefix with its length, host bits kept as typed (the kernel refuses them, and says why).
``metrics`` are in the kernel's units; ``metrics["lock"]`` lists those that were locked.

More than 300 lines: adding, showing and asking are three grammars that share their tables of words.
"""

from __future__ import annotations

import re
from typing import Any

from nsmagic.commands.grammar import (
    DSFIELDS,
    PROTOCOLS,
    SCOPES,
    TABLES,
    Beyond,
    Keywords,
    Prefix,
    Words,
    family_of,
    matches,
)  # fmt: skip
from nsmagic.sentences import say

VERBS = Keywords(
    "add change chg!=change replace prepend append test delete=del list=show show lst=show get flush save restore showdump help"
)
MODIFY = Keywords(
    "src! as! via! from! tos! dsfield=tos expires! metric priority=metric preference!=metric scope! mtu! hoplimit! advmss!"
    " reordering rtt! rto_min! window cwnd initcwnd initrwnd features quickack congctl rttvar ssthresh realms onlink! nexthop!"
    " nhid! protocol table vrf dev! oif!=dev pref encap! ttl-propagate! fastopen_no_cookie to!"
)
TYPES = Keywords(
    "local! nat! broadcast brd!=broadcast anycast multicast prohibit unreachable blackhole xresolve unicast throw!"
)
NEXTHOP = Keywords("via! dev! weight! onlink! realms encap! as!")
SHOW = Keywords(
    "table vrf cached cloned=cached tos! dsfield=tos protocol scope type dev! oif!=dev iif! mark! metric priority=metric"
    " preference!=metric via! src! realms from to root match exact"
)
GET = Keywords(
    "tos! dsfield=tos from iif mark oif dev!=oif notify connected vrf uid fibmatch as! sport dport ipproto to! help"
)
_EXPECTED = ("via", "dev", "src", "metric", "table", "scope", "proto", "onlink", "mtu", "nexthop")
_LEFT = {"as", "realms", "vrf", "encap", "ttl-propagate", "fastopen_no_cookie"}
_METRICS = {"mtu": "mtu", "advmss": "mss", "reordering": "reordering", "window": "window", "cwnd": "cwnd",
            "initcwnd": "initcwnd", "initrwnd": "initrwnd", "ssthresh": "ssthresh", "hoplimit": "hoplimit"}  # fmt: skip
_TIMES = {"rtt": 8, "rttvar": 4, "rto_min": 1}
_TIME = re.compile(r"([0-9]+(?:\.[0-9]*)?)([A-Za-z]*)\Z")


def parse(words: Words, family: str | None = None) -> tuple[str, dict[str, Any]]:
    """Read what follows ``ip route``: the verb and its arguments as in ``command.py``.

    >>> parse(Words("ip route add default via 192.168.15.5".split(), 2))[1]["gateway"]
    '192.168.15.5'
    """
    if not words.more:
        return "route.show", _show(words, family)
    word = words.next()
    verb = VERBS.find(word)
    if verb in ("add", "change", "replace", "prepend", "append", "test", "del"):
        return f"route.{verb}", _Modify(words, family, delete=verb == "del").read()
    if verb == "show":
        return "route.show", _show(words, family)
    if verb == "flush":
        if not words.more:
            raise words.fail(
                '"ip route flush" requires arguments.', hint=say("form-example", example="ip route flush dev eth0")
            )
        return "route.flush", _show(words, family)
    if verb == "get":
        return "route.get", _get(words, family)
    if verb is not None:
        raise Beyond(word)
    expected = ("add", "del", "show", "get", "replace", "flush", "append", "change")
    raise words.unknown(f'Command "{word}" is unknown, try "ip route help".', expected)


class _Modify:
    """Reads a route as it is added or deleted. ``family`` becomes known with the first address."""

    def __init__(self, words: Words, family: str | None, *, delete: bool) -> None:
        self.words = words
        self.family = family
        self.delete = delete
        self.args: dict[str, Any] = {}
        self.metrics: dict[str, Any] = {}
        self.locked: list[str] = []

    def read(self) -> dict[str, Any]:
        words, args = self.words, self.args
        while words.more:
            word = words.next()
            key = MODIFY.find(word)
            if key is None or key == "to":
                self._destination(word, key)
            elif key == "nexthop":
                self._nexthops()
            elif key in _LEFT:
                raise Beyond(key)
            else:
                self._attribute(key)
        if "dst" not in args:
            name = "del" if self.delete else "add"
            raise words.missing(f'"ip route {name}" needs a destination', ("a prefix", "default"), say("form-example", example="192.168.1.0/24 via 192.168.15.5, default via \u2026"))  # fmt: skip
        if self.metrics:
            if self.locked:
                self.metrics["lock"] = self.locked
            args["metrics"] = self.metrics
        return self._defaults()

    def _known(self, address: str) -> None:
        self.family = self.family or family_of(address)

    def _address(self) -> str:
        if self.words.word in ("any", "all", "default"):
            raise Beyond(self.words.word)
        address = self.words.address(self.family)
        self._known(address)
        return address

    def _destination(self, word: str, key: str | None) -> None:
        words = self.words
        if key == "to":
            word = words.next(("a prefix",))
        kind = TYPES.find(word) if not word[:1].isdigit() else None
        if kind is not None:
            if kind in ("nat", "xresolve"):
                raise Beyond(kind)
            self.args["type"] = kind
            word = words.next(("a prefix", "default"))
        if matches(word, "help"):
            raise Beyond("help")
        if "dst" in self.args:
            raise words.garbage("to", _EXPECTED)
        words.back()
        prefix = _prefix(words, self.family)
        if prefix.family:
            self.family = prefix.family
        self.args["dst"] = _dst(prefix)

    def _gateway(self, into: dict[str, Any]) -> None:
        """``via [inet|inet6] ADDRESS``."""
        words = self.words
        asked = words.word
        if asked in ("link", "mpls", "bridge"):
            raise Beyond(asked)
        if asked in ("inet", "inet6"):
            words.next()
            address = words.address(asked)
            into["gateway"], into["gateway_family"] = address, asked
            self._known(address)
        else:
            into["gateway"] = self._address()
            into["gateway_family"] = family_of(into["gateway"])

    def _attribute(self, key: str) -> None:
        words, args = self.words, self.args
        match key:
            case "src":
                args["prefsrc"] = self._address()
            case "via":
                if "gateway" in args:
                    hint = say("form-several-gateways")
                    raise words.wrong("use nexthop syntax to specify multiple via", hint=hint)
                self._gateway(args)
            case "from":
                prefix = words.prefix(self.family)
                if prefix.address:
                    self._known(prefix.address)
                    args["src"] = str(prefix)
            case "tos":
                args["tos"] = words.named_number('"tos" value is invalid', DSFIELDS, 0, 255)
            case "expires" | "metric":
                args[key] = words.u32(f'"{key}" value is invalid')
            case "scope":
                args["scope"] = words.named_number('invalid "scope" value', SCOPES, 0, 255)
            case "onlink":
                args["onlink"] = True
            case "nhid":
                args["nhid"] = words.u32('"id" value is invalid')
            case "protocol":
                args["protocol"] = words.named_number('"protocol" value is invalid', PROTOCOLS, 0, 255)
            case "table":
                args["table"] = words.named_number('"table" value is invalid', TABLES)
            case "dev":
                args["dev"] = words.device()
            case "pref":
                numbers = {"low": 3, "medium": 0, "high": 1}
                value = words.named_number('"pref" value is invalid', numbers, 0, 255)
                args["pref"] = next((name for name, number in numbers.items() if number == value), value)
            case _:
                self._metric(key)

    def _metric(self, key: str) -> None:
        words = self.words
        if key not in ("features", "quickack", "rto_min") and words.take("lock"):
            self.locked.append(key)
        if key in _METRICS:
            high = 255 if key == "hoplimit" else 0xFFFFFFFF
            self.metrics[key] = words.number(f'"{_METRICS[key]}" value is invalid', 0, high)
        elif key in _TIMES:
            if key == "rto_min":
                self.locked.append(key)
            self.metrics[key] = _time(words, f'"{key}" value is invalid', _TIMES[key])
        elif key == "features":
            words.next(("ecn",))
            if words.argv[words.i - 1] != "ecn":
                raise words.wrong('"features" value not valid', expected=("ecn",))
            self.metrics["features"] = 1
        elif key == "quickack":
            value = words.u32('"quickack" value is invalid')
            if value > 1:
                raise words.wrong('"quickack" value should be 0 or 1')
            self.metrics["quickack"] = value
        else:
            self.metrics["congctl"] = words.next(("the name of an algorithm",))

    def _nexthops(self) -> None:
        """``nexthop [via A] [dev D] [weight W] [onlink]``, again and again to the end of the line."""
        words = self.words
        hops: list[dict[str, Any]] = []
        while True:
            if not words.more:
                message = 'Error: unexpected end of line after "nexthop"'
                raise words.missing(message, ("via", "dev"), say("form-which-gateway"))
            hop: dict[str, Any] = {}
            while words.more:
                key = NEXTHOP.find(words.word)
                if key is None:
                    break
                words.next()
                match key:
                    case "via":
                        self._gateway(hop)
                    case "dev":
                        hop["dev"] = words.device()
                    case "weight":
                        hop["weight"] = words.number('"weight" is invalid', 1, 256)
                    case "onlink":
                        hop["onlink"] = True
                    case other:
                        raise Beyond(other)
            hops.append(hop)
            if not words.more:
                break
            word = words.next()
            if word != "nexthop":
                message = f'Error: "nexthop" or end of line is expected instead of "{word}"'
                raise words.unknown(message, ("via", "dev", "weight", "onlink", "nexthop"))
        self.args["nexthops"] = hops

    def _defaults(self) -> dict[str, Any]:
        args = self.args
        family = self.family or "inet"
        kind = args.get("type", "unicast")
        local = kind in ("local", "broadcast", "anycast")
        args.setdefault("table", TABLES["local"] if local else TABLES["main"])
        if "scope" not in args:
            args["scope"] = self._scope(family, kind)
        if not self.delete:
            args.setdefault("type", "unicast")
            args.setdefault("protocol", PROTOCOLS["boot"])
        return {"dst": args.pop("dst"), "family": family, **args}

    def _scope(self, family: str, kind: str) -> int:
        if family == "inet6":
            return SCOPES["global"]
        if kind == "local":
            return SCOPES["host"]
        if kind in ("broadcast", "multicast", "anycast"):
            return SCOPES["link"]
        if self.delete:
            return SCOPES["nowhere"]
        if kind == "unicast" and not {"gateway", "nexthops", "nhid"} & self.args.keys():
            return SCOPES["link"]
        return SCOPES["global"]


def _prefix(words: Words, family: str | None) -> Prefix:
    """A destination. A word that resembles a keyword gets a hint that says so."""
    word = words.word
    prefix = None
    if word[:1].isalpha() and ":" not in word and word not in ("default", "any", "all"):
        words.next()
        message = f'Error: {family or "any valid"} prefix is expected rather than "{word}".'
        raise words.unknown(message, ("a prefix", "default"), choices=(*_EXPECTED, *TYPES.spellings()))
    prefix = words.prefix(family)
    return prefix


def _dst(prefix: Prefix) -> str:
    """``default``, or the prefix with its length."""
    if not prefix.address or (prefix.prefixlen == 0 and prefix.address in ("0.0.0.0", "::")):
        return "default"
    return str(prefix)


def _time(words: Words, message: str, scale: int) -> int:
    """A time in the kernel's units: a bare number is taken as it is, ``20ms`` and ``1s`` are scaled."""
    word = words.next(("a time",))
    found = _TIME.match(word) if len(word) < 32 else None
    unit = (
        {"": 0, "s": 1000, "sec": 1000, "secs": 1000, "ms": 1, "msec": 1, "msecs": 1}.get(found[2].lower())
        if found
        else None
    )
    if found is None or unit is None:
        raise words.wrong(message, hint=say("form-time"))
    number = float(found[1])
    value = -int(-number // 1) if not unit else -int(-(number * unit) // 1) * scale
    if value > 0xFFFFFFFF:
        raise words.wrong(message, hint=say("form-time"))
    return value


def _show(words: Words, family: str | None) -> dict[str, Any]:
    args: dict[str, Any] = {}
    asked = family
    while words.more:
        word = words.next()
        key = SHOW.find(word)
        match key:
            case "table":
                if words.word in ("all", "cache"):
                    args["table"] = words.next()
                else:
                    args["table"] = words.named_number("table id value is invalid", TABLES)
            case "cached":
                args["table"] = "cache"
            case "protocol":
                _or_all(words, args, "protocol", 'invalid "protocol"', PROTOCOLS)
            case "scope":
                _or_all(words, args, "scope", 'invalid "scope"', SCOPES)
            case "type":
                kind = TYPES.find(words.next(TYPES.names))
                if kind is None:
                    raise words.wrong("node type value is invalid", expected=TYPES.names)
                args["type"] = kind
            case "dev":
                args["dev"] = words.device()
            case "metric":
                args["metric"] = words.u32('"metric" value is invalid')
            case "via":
                if words.word in ("inet", "inet6"):
                    family = words.next()
                args["gateway"] = _host(words.prefix(family))
                family = asked
            case "src":
                args["prefsrc"] = _host(words.prefix(asked))
            case None | "to" | "root" | "match" | "exact":
                _selected(words, args, key, asked)
            case other:
                raise Beyond(other)
    table = args.pop("table", TABLES["main"])
    if asked or table != "all":
        args["family"] = asked or "inet"
    return {"table": table, **args}


def _or_all(words: Words, args: dict[str, Any], key: str, message: str, names: Any) -> None:
    if words.take("all"):
        args.pop(key, None)
    else:
        args[key] = words.named_number(message, names, 0, 255)


def _host(prefix: Prefix) -> str:
    """The address of a filter; a filter by a whole network is left to the tool."""
    if not prefix.address or not prefix.host:
        raise Beyond("a filter by prefix")
    return prefix.address


def _selected(words: Words, args: dict[str, Any], key: str | None, family: str | None) -> None:
    """``[to] [root|match|exact] PREFIX``."""
    if key == "to":
        key = SHOW.find(words.next(("a prefix",)))
    how = key if key in ("root", "match", "exact") else None
    if how is None:
        words.back()
        how = "exact"
    if "dst" in args:
        raise Beyond("two destinations")
    prefix = _prefix(words, family)
    if prefix.any in ("any", "all"):
        raise Beyond(prefix.any)
    args["dst"] = _dst(prefix)
    args["match"] = how


def _get(words: Words, family: str | None) -> dict[str, Any]:
    args: dict[str, Any] = {}
    while words.more:
        word = words.next()
        key = GET.find(word)
        match key:
            case "tos":
                args["tos"] = words.named_number("TOS value is invalid", DSFIELDS, 0, 255)
            case "from":
                if matches(words.word, "help"):
                    raise Beyond("help")
                args["from"] = _host(words.prefix(family))
                family = family or family_of(args["from"])
            case "iif" | "oif" | "vrf":
                args[key] = words.device()
            case "mark":
                args["mark"] = words.u32("invalid mark value")
            case "uid":
                args["uid"] = words.u32("invalid UID")
            case "fibmatch":
                args["fibmatch"] = True
            case "sport" | "dport":
                args[key] = words.u16(f"invalid {key}")
            case "ipproto":
                args["ipproto"] = words.ipproto()
            case None | "to":
                if key is None:
                    words.back()
                prefix = words.prefix(family)
                if prefix.any in ("any", "all") or (prefix.address and not prefix.host):
                    raise Beyond("a prefix as destination")
                family = family or prefix.family or None
                args["address"] = prefix.address or ("::" if family == "inet6" else "0.0.0.0")
            case other:
                raise Beyond(other)
    if "address" not in args:
        message = "need at least a destination address"
        raise words.missing(message, ("an address",), say("form-example", example="ip route get 8.8.8.8"))
    return {"address": args.pop("address"), "family": family or "inet", **args}
