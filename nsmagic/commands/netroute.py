"""The ``route`` tool of net-tools 2.10, on the verbs of ``ip route``. Names are never looked up.

Facts seen with the real tool and kept here: ``route add`` puts the new route before the equal ones (``route.prepend``), a
target without a length is one host, ``-net`` without a netmask is refused, IPv6 routes get metric 1, and an IPv6 host route
is marked ``onlink``, because the bit that means "host" to the old interface means that to the kernel's table.
"""

from __future__ import annotations

from typing import Any

from nsmagic.commands.command import Command, Program, Runnable
from nsmagic.commands.grammar import Beyond, Words, network, place_hint, read_ipv6, read_number, read_prefix
from nsmagic.commands.options import aton, error_at, mask_length, scan
from nsmagic.errors import CommandSyntaxError
from nsmagic.sentences import say

LONG = {
    "inet": "4", "inet6": "6", "extend": "e", "verbose": "v", "version": "V", "numeric": "n", "symbolic": "N",
    "protocol": "A", "cache": "C", "fib": "F", "help": "h",
}  # fmt: skip
MAIN = 254
SCOPE_UNIVERSE, SCOPE_LINK, SCOPE_HOST, SCOPE_NOWHERE = 0, 253, 254, 255
BOOT = 3
_FORM = "route add [-net|-host] TARGET [netmask MASK] [gw GATEWAY] [metric N] [[dev] IF]"
_FORM6 = "route -6 add TARGET [gw GATEWAY] [metric N] [[dev] IF]"
_WORDS = ("netmask", "gw", "metric", "mss", "window", "irtt", "reject", "dev")
_WORDS6 = ("gw", "metric", "dev")


def parse(argv: tuple[str, ...], ns: str | None) -> Runnable:
    """Read a ``route`` command.

    Raises
    ------
    CommandSyntaxError
        The form is not known, in route's words.

    >>> command = parse(("route", "add", "default", "gw", "10.0.0.1"), "red")
    >>> command.verb, command.args["dst"], command.args["gateway"]
    ('route.prepend', 'default', '10.0.0.1')
    >>> parse(("route", "add", "-net", "10.8.0.0", "netmask", "255.255.0.0", "eth0"), None).args["dst"]
    '10.8.0.0/16'
    """
    try:
        return _read(argv, ns)
    except Beyond:
        return Program(argv, ns)


def _read(argv: tuple[str, ...], ns: str | None) -> Command:
    # getopt must not take -net and -host for clusters of options.
    masked = tuple({"-net": "#net", "-host": "#host"}.get(word, word) for word in argv)
    found = scan(masked, "A:eCFhnN64Vv?", LONG)
    family = "inet"
    for option in found.options:
        match option.letter:
            case "4" | "6":
                family = "inet6" if option.letter == "6" else "inet"
            case "A" if option.value in ("inet", "inet6"):
                family = str(option.value)
            case "A":
                raise error_at(argv, option.index, f"Unknown address family `{option.value}'.", say("form-family"))
            case "C" | "V" | "h" | "?":
                raise Beyond(f"route -{option.letter}")
    display: dict[str, Any] = {"numeric": True} if found.has("n") else {}
    if sum(option.letter == "e" for option in found.options):
        display["details"] = True
    # The words that are no options, as one cursor that still knows their places.
    words = _Operands(argv, found.operands)
    if not words.more:
        return Command(
            tool="route", verb="route.show", args={"table": MAIN, "family": family}, ns=ns, argv=argv, display=display
        )
    action = words.next()
    if action not in ("add", "del", "delete"):
        if action == "flush":
            raise words.fail(f"Flushing `{family}' routing table not supported", hint=say("form-flush-main"))
        hint = place_hint(action, words.starts[words.i - 1], ("add", "del"))
        raise words.fail("Usage: route [-n] | route add … | route del …", expected=("add", "del"), hint=hint)
    add = action == "add"
    args = _inet6(words, add) if family == "inet6" else _inet(words, add)
    verb = "route.prepend" if add else "route.del"
    return Command(tool="route", verb=verb, args=args, ns=ns, argv=argv, display=display)


class _Operands(Words):
    """A cursor over some of the words of a line; errors still point into the whole line."""

    __slots__ = ("_operands", "_whole")

    def __init__(self, argv: tuple[str, ...], operands: tuple[int, ...]) -> None:
        super().__init__(tuple(argv[i] for i in operands))
        self._whole, self._operands = Words(argv), operands

    @property
    def text(self) -> str:
        return self._whole.text

    @property
    def starts(self) -> list[int]:
        starts = self._whole.starts
        return [*(starts[i] for i in self._operands), len(self.text)]

    def need(self, form: str) -> str:
        """Take the next word, or refuse with the form of the command."""
        if not self.more:
            raise CommandSyntaxError(f"Usage: {form}", text=self.text, at=len(self.text), hint=say("form-ends"))
        return self.next()


# -- IPv4 ----------------------------------------------------------------------------------------------------------------


def _inet(words: _Operands, add: bool) -> dict[str, Any]:
    kind = words.next() if words.word in ("-net", "-host") else ""
    target = words.need(_FORM)
    address, length, is_net = _target(words, target, kind)
    typed = target.partition("/")[2]
    args: dict[str, Any] = {}
    reject = False
    netmask = False
    while words.more:
        word = words.next()
        match word:
            case "metric":
                value = read_number(words.need(_FORM), 0, 0x7FFFFFFE)
                if value is None:
                    raise words.fail(f"Usage: {_FORM}", hint=say("form-whole", word=words.argv[words.i - 1]))
                if value:
                    args["metric"] = value
            case "netmask":
                mask = words.need(_FORM)
                if netmask or (typed and length):
                    raise words.fail(f"Usage: {_FORM}", hint=say("form-netmask-twice"))
                length, netmask = _netmask(words, mask), True
            case "gw" | "gateway":
                gateway = words.need(_FORM)
                if "gateway" in args:
                    raise words.fail(f"Usage: {_FORM}", hint=say("form-one-gateway"))
                args["gateway"] = _gateway(words, gateway)
            case "mss" | "mtu" | "window" | "irtt":
                _metric(words, word, args)
            case "reject":
                reject = True
            case "mod" | "dyn" | "reinstate":
                raise Beyond(f"route {word}")
            case "dev" | "device":
                if "dev" in args:
                    raise words.fail(f"Usage: {_FORM}", hint=say("form-one-interface"))
                args["dev"] = words.need(_FORM)
            case _:
                if "dev" in args or words.more:
                    raise _typo(words, word, _FORM, _WORDS)
                args["dev"] = word
    base: dict[str, Any] = {
        "dst": _destination(words, address, length, is_net, target),
        "family": "inet",
        "table": MAIN,
    }
    if add:
        base["protocol"] = BOOT
    if reject:
        # The kernel looks at nothing else then.
        return {
            **base,
            "type": "unreachable",
            "scope": SCOPE_HOST,
            **{key: args[key] for key in ("metric",) if key in args},
        }
    if args.get("gateway") == "0.0.0.0":
        raise words.fail("SIOCADDRT: Invalid argument", hint=say("form-gateway-zero"))
    base["type"] = "unicast"
    base["scope"] = (SCOPE_UNIVERSE if "gateway" in args else SCOPE_LINK) if add else SCOPE_NOWHERE
    if "gateway" in args:
        base["gateway_family"] = "inet"
    if not add:
        args.pop("metrics", None)
    return {**base, **args}


def _target(words: _Operands, target: str, kind: str) -> tuple[str, int | None, bool]:
    """The address, the length typed behind a slash, and whether a network is meant."""
    head, slash, tail = target.partition("/")
    length: int | None = None
    if slash:
        length = int(tail) if tail.isascii() and tail.isdigit() and len(tail) < 4 else None
        if length is None or length > 32:
            hint = say("form-length", full=32)
            raise words.fail("route: netmask doesn't match route address", hint=hint)
    if head == "default":
        return "0.0.0.0", length, kind != "-host"
    address = aton(head)
    if address is None:
        hint = say("form-ipv4-only")
        raise words.fail(f"{head}: Host name lookup failure", hint=hint)
    # route 2.10 computes the mask of /32 to be 0, that is: none.
    return address, None if length == 32 else length, kind == "-net"


def _netmask(words: _Operands, text: str) -> int:
    mask: str | None = "0.0.0.0" if text == "default" else aton(text)
    length = mask_length(mask) if mask is not None else None
    if length is None:
        raise words.fail(f"route: bogus netmask {text}", hint=say("form-netmask"))
    return length


def _destination(words: _Operands, address: str, length: int | None, is_net: bool, target: str) -> str:
    """The prefix, checked as route checks it."""
    if not is_net:
        if length not in (None, 0, 32):
            mask = 0xFFFFFFFF >> length if length else 0
            hint = say("form-net", target=target)
            raise words.fail(f"route: netmask {mask:08x} doesn't make sense with host route", hint=hint)
        return f"{address}/32"
    if not length:
        if address != "0.0.0.0":
            hint = say("form-net-mask", address=address)
            raise words.fail("SIOCADDRT: Invalid argument", hint=hint)
        return "default"
    prefix = read_prefix(f"{address}/{length}")
    if prefix is None or network(prefix) != f"{address}/{length}":
        near = say("form-network", network=network(prefix)) if prefix else None
        raise words.fail("route: netmask doesn't match route address", hint=near)
    return f"{address}/{length}"


def _gateway(words: _Operands, text: str) -> str:
    if text == "default":
        raise words.fail("route: default: cannot use a NETWORK as gateway!", hint=say("form-gateway-one"))
    address = aton(text)
    if address is None:
        hint = say("form-gateway-length") if "/" in text else say("form-names")
        raise words.fail(f"{text}: Unknown host", hint=hint)
    return address


def _metric(words: _Operands, word: str, args: dict[str, Any]) -> None:
    """``mss``, ``window``, ``irtt``: in ``metrics`` as the kernel stores them (``rtt`` in eighths of a ms)."""
    low, high, complaint = {
        "window": (128, 0x7FFFFFFF, "route: Invalid window."),
        "irtt": (0, 0x0FFFFFFF, "route: Invalid initial rtt."),
    }.get(word, (64, 65536, "route: Invalid MSS/MTU."))
    text = words.need(_FORM)
    value = int(text) if text.isascii() and text.isdigit() and len(text) < 11 else -1
    if not low <= value <= high:
        raise words.fail(complaint, hint=say("form-number", low=low, high=high))
    key, value = {"window": ("window", value), "irtt": ("rtt", value * 8)}.get(word, ("advmss", value - 40))
    args.setdefault("metrics", {})[key] = value


def _typo(words: _Operands, word: str, form: str, expected: tuple[str, ...]) -> CommandSyntaxError:
    hint = place_hint(word, words.starts[words.i - 1], expected)
    return words.fail(f"Usage: {form}", expected=expected, hint=hint)


# -- IPv6 ----------------------------------------------------------------------------------------------------------------


def _inet6(words: _Operands, add: bool) -> dict[str, Any]:
    target = words.need(_FORM6)
    prefix = read_prefix("::/0" if target == "default" else target, "inet6")
    if prefix is None or "." in target.partition("/")[2]:
        hint = say("form-no-net") if target in ("-net", "-host") else say("form-ipv6-only")
        raise words.fail(f"{target}: Unknown host", hint=hint)
    args: dict[str, Any] = {"metric": 1}
    while words.more:
        word = words.next()
        match word:
            case "metric":
                value = read_number(words.need(_FORM6), 0, 0x7FFFFFFF)
                if value is None:
                    raise words.fail(f"Usage: {_FORM6}", hint=say("form-whole", word=words.argv[words.i - 1]))
                args["metric"] = value
            case "gw" | "gateway":
                text = words.need(_FORM6)
                gateway = read_ipv6(text)
                if "gateway" in args:
                    raise words.fail(f"Usage: {_FORM6}", hint=say("form-one-gateway"))
                if gateway is None:
                    raise words.fail(f"{text}: Unknown host", hint=say("form-ipv6-only"))
                args["gateway"] = gateway
            case "mod" | "dyn":
                raise Beyond(f"route {word}")
            case "dev" | "device":
                args["dev"] = words.need(_FORM6)
            case _:
                if words.more:
                    raise _typo(words, word, _FORM6, _WORDS6)
                args["dev"] = word
    if not args["metric"]:
        del args["metric"]  # the kernel's own default
    if "gateway" in args:
        args["gateway_family"] = "inet6"
    if add:
        args.update(type="unicast", protocol=BOOT)
        if prefix.prefixlen == 128:
            args["onlink"] = True
    dst = network(prefix)
    base = {"dst": "default" if dst == "::/0" else dst, "family": "inet6", "table": MAIN, "scope": SCOPE_UNIVERSE}
    return {**base, **args}
