"""``ip address``: add, change, replace, delete, show, flush.

Defaults that iproute2 works out are filled in, so that ``apply`` needs none: ``scope`` (host for 127/8, else global),
``prefixlen`` (32 or 128 when none was typed), ``broadcast`` (``brd +`` becomes the address). With ``peer`` the length is
the peer's, under ``prefixlen`` and ``peer_prefixlen`` alike. ``del`` has no scope, and no ``prefixlen`` for an IPv4
address typed without one: the kernel then takes the first that fits, whatever its length.
"""

from __future__ import annotations

from typing import Any

from nsmagic.commands.grammar import FOREVER, SCOPES, Beyond, Keywords, Prefix, Words, read_ipv4
from nsmagic.commands.link import device_filter, link_filter
from nsmagic.errors import CommandSyntaxError
from nsmagic.sentences import say

VERBS = Keywords("add change chg!=change replace delete=del list=show show lst=show flush save showdump restore help")
MODIFY = Keywords(
    "peer! remote!=peer broadcast brd!=broadcast anycast! scope! dev! label! metric priority=metric preference=metric"
    " valid_lft preferred_lft secondary! temporary! nodad! optimistic! dadfailed! home! deprecated! tentative! permanent!"
    " mngtmpaddr! noprefixroute! autojoin! stable-privacy! local! help"
)
SHOW = Keywords(
    "to! scope! up! dynamic! primary! secondary! temporary! nodad! optimistic! dadfailed! home! deprecated! tentative!"
    " permanent! mngtmpaddr! noprefixroute! autojoin! stable-privacy! label! group! master! vrf! nomaster! type! dev! help"
)
_FLAGS = ("dynamic", "primary", "secondary", "temporary", "nodad", "optimistic", "dadfailed", "home", "deprecated", "tentative",
          "permanent", "mngtmpaddr", "noprefixroute", "autojoin", "stable-privacy")  # fmt: skip
#: Flags that a person may set; the others the tool ignores with a warning.
_SETTABLE = ("nodad", "home", "mngtmpaddr", "noprefixroute", "autojoin")
_INET6_ONLY = ("nodad", "home", "mngtmpaddr")
_EXPECTED = (
    "dev",
    "peer",
    "broadcast",
    "scope",
    "label",
    "metric",
    "valid_lft",
    "preferred_lft",
    "noprefixroute",
    "local",
)


def parse(words: Words, family: str | None = None) -> tuple[str, dict[str, Any]]:
    """Read what follows ``ip addr``: the verb and its arguments as in ``command.py``.

    >>> parse(Words("ip addr add 192.168.15.1/24 dev veth-red".split(), 2))[1]
    {'dev': 'veth-red', 'address': '192.168.15.1', 'prefixlen': 24, 'family': 'inet', 'scope': 0}
    """
    if not words.more:
        return "addr.show", _family(family)
    word = words.next()
    verb = VERBS.find(word)
    if verb in ("add", "change", "replace", "del"):
        return f"addr.{verb}", _modify(words, family, delete=verb == "del")
    if verb == "show":
        return "addr.show", _show(words, family)
    if verb == "flush":
        if not words.more:
            raise words.fail("Flush requires arguments.", hint=say("form-example", example="ip addr flush dev eth0"))
        return "addr.flush", _show(words, family)
    if verb is not None:
        raise Beyond(word)
    raise words.unknown(
        f'Command "{word}" is unknown, try "ip address help".', ("add", "del", "show", "flush", "replace")
    )


def _family(family: str | None) -> dict[str, Any]:
    return {"family": family} if family else {}


def _modify(words: Words, family: str | None, *, delete: bool) -> dict[str, Any]:
    local: Prefix | None = None
    peer: Prefix | None = None
    args: dict[str, Any] = {}
    flags: list[str] = []
    lifetime_at = 0
    while words.more:
        word = words.next()
        key = MODIFY.find(word)
        match key:
            case "peer":
                words.next(("an address",))
                if peer is not None:
                    raise words.repeated("peer")
                words.back()
                peer = words.prefix(family)
                family = family or peer.family or None
            case "broadcast":
                word = words.next(("an address", "+", "-"))
                if "broadcast" in args:
                    raise words.repeated("broadcast")
                if word in ("any", "all", "default"):
                    raise Beyond(word)
                if word not in ("+", "-"):
                    words.back()
                    word = words.address(family)
                    family = family or ("inet6" if ":" in word else "inet")
                args["broadcast"] = word
            case "anycast":
                words.next(("an address",))
                if "anycast" in args:
                    raise words.repeated("anycast")
                words.back()
                args["anycast"] = words.address(family)
            case "scope":
                args["scope"] = words.named_number("invalid scope value.", SCOPES, 0, 255)
            case "dev":
                args["dev"] = words.device()
            case "label":
                args["label"] = words.next(("a label",))
            case "metric":
                args["metric"] = words.u32('"metric" value is invalid')
            case "valid_lft" | "preferred_lft":
                args[key] = FOREVER if words.take("forever") else words.u32(f"{key} value")
                lifetime_at = words.i if key == "preferred_lft" else lifetime_at
            case "help":
                raise Beyond("help")
            case None | "local":
                if key == "local":
                    words.next(("an address",))
                if local is not None:
                    raise words.garbage("local", _EXPECTED)
                words.back()
                _misspelled(words)
                local = words.prefix(family)
                family = family or local.family or None
            case flag:
                flags.append(flag)
    _check(words, args, local, lifetime_at)
    assert local is not None
    found = {"dev": args.pop("dev"), "address": local.address}
    whole = peer or local
    if not (delete and peer is None and local.family == "inet" and not local.given):
        found["prefixlen"] = whole.prefixlen
    found["family"] = local.family
    if peer is not None:
        found |= {"peer": peer.address, "peer_prefixlen": peer.prefixlen}
    if flags:
        args["flags"] = _settable(flags, local.family)
    _broadcast(words, args, whole, delete=delete)
    if not delete and "scope" not in args:
        args["scope"] = (
            SCOPES["host"] if local.family == "inet" and local.address.startswith("127.") else SCOPES["global"]
        )
    return {**found, **args}


def _misspelled(words: Words) -> None:
    """A word in the place of the address that resembles a keyword: say so rather than speak of addresses only."""
    word = words.word
    if word and word[0].isalpha() and ":" not in word and word not in ("default", "any", "all"):
        words.next()
        message = f'Error: any valid prefix is expected rather than "{word}".'
        raise words.unknown(message, ("an address", "dev"), choices=_EXPECTED)


def _check(words: Words, args: dict[str, Any], local: Prefix | None, lifetime_at: int) -> None:
    """What is missing or does not fit together, in the tool's order."""
    if "dev" not in args:
        message = 'Not enough information: "dev" argument is required.'
        raise words.missing(message, ("dev",), say("form-address-dev"))
    if local is None or not local.address:
        hint = say("form-address-missing") if local is None else say("form-no-address", word=local.any)
        raise words.missing("RTNETLINK answers: Operation not supported", ("an address",), hint)
    if args.get("preferred_lft", FOREVER) > args.get("valid_lft", FOREVER):
        raise CommandSyntaxError(
            "preferred_lft is greater than valid_lft", text=words.text,
            at=words.starts[max(lifetime_at - 1, 0)], hint=say("form-preferred"),
        )  # fmt: skip
    if args.get("broadcast") and local.family == "inet6":
        message = "Broadcast can be set only for IPv4 addresses"
        raise words.missing(message, (), say("form-no-broadcast"))


def _settable(flags: list[str], family: str) -> list[str]:
    """The flags to be sent. What the tool would only warn about is left to the tool."""
    for flag in flags:
        if flag not in _SETTABLE or (family == "inet" and flag in _INET6_ONLY):
            raise Beyond(flag)
    return list(dict.fromkeys(flags))


def _broadcast(words: Words, args: dict[str, Any], whole: Prefix, *, delete: bool) -> None:
    """``brd +`` sets all bits of the host part, ``brd -`` none; a network of one or two addresses has no broadcast."""
    sign = args.get("broadcast")
    if sign not in ("+", "-"):
        return
    del args["broadcast"]
    if delete or whole.prefixlen > 30:
        return
    value = int.from_bytes(bytes(map(int, (read_ipv4(whole.address) or "0").split("."))), "big")
    spare = (1 << (32 - whole.prefixlen)) - 1
    value = value | spare if sign == "+" else value & ~spare
    args["broadcast"] = ".".join(map(str, value.to_bytes(4, "big")))


def _show(words: Words, family: str | None) -> dict[str, Any]:
    args: dict[str, Any] = _family(family)
    flags: list[str] = []
    while words.more:
        word = words.next()
        key = SHOW.find(word)
        if key is None and word.startswith("-") and SHOW.find(word[1:]) in _FLAGS:
            raise Beyond(word)
        match key:
            case "to":
                prefix = words.prefix(family)
                if not prefix.address:
                    raise Beyond(prefix.any)
                args["to"] = str(prefix)
                family = prefix.family
                args["family"] = family
            case "scope":
                if words.take("all"):
                    args.pop("scope", None)
                else:
                    args["scope"] = words.named_number('invalid "scope"', SCOPES, 0, 255)
            case "label":
                args["label"] = words.next(("a pattern",))
            case None | "dev":
                device_filter(words, args, word, key)
            case "help" | "vrf":
                raise Beyond(key)
            case "up" | "group" | "master" | "nomaster" | "type":
                link_filter(words, args, key)
            case flag:
                flags.append(flag)
    if flags:
        args["flags"] = flags
    return args
