"""The ``ifconfig`` tool of net-tools 2.10: one typed line is several steps, in the order of its words.

An address is not added but *put in the place of* the first one with that label (``eth0``, or ``eth0:1`` of an alias); the
kernel gives it the netmask of its class, and a netmask typed behind it changes it again. That is what the ioctls
SIOCSIFADDR, SIOCSIFNETMASK, SIOCSIFBRDADDR and SIOCSIFDSTADDR do, one for each step ``addr.primary`` made here, whose
arguments are ``dev``, ``label`` and one of ``address`` (``0.0.0.0`` takes the address away), ``prefixlen``, ``broadcast``,
``peer`` or ``remove`` (an alias is switched off). Setting an address also switches the link on, except through an alias.

ifconfig goes on after a step that failed; ``Sequence.keep_going`` says so.
"""

from __future__ import annotations

from typing import Any

from nsmagic.commands.arp import read_mac
from nsmagic.commands.command import Command, Program, Runnable, Sequence
from nsmagic.commands.grammar import Beyond, Words, ifname_hint, place_hint, read_ipv6, read_number, valid_ifname
from nsmagic.commands.options import aton, mask_length
from nsmagic.errors import CommandSyntaxError
from nsmagic.sentences import say

#: Word → what it sets; with ``-`` before it the opposite.
SWITCHES = {
    "arp": "arp", "promisc": "promisc", "multicast": "multicast", "allmulti": "allmulticast", "dynamic": "dynamic",
    "trailers": "trailers",
}  # fmt: skip
#: Words that only the real tool reads.
LEFT = frozenset(
    {
        "media", "port", "keepalive", "outfill", "mem_start", "io_addr", "irq", "tunnel", "-broadcast", "-pointopoint",
        "unix", "ax25", "netrom", "rose", "ipx", "ddp", "ec", "ash", "x25",
    }
)  # fmt: skip
_WORDS = (
    "up", "down", "netmask", "broadcast", "pointopoint", "mtu", "hw", "txqueuelen", "add", "del", "name", "dstaddr",
    *SWITCHES,
)  # fmt: skip


def parse(argv: tuple[str, ...], ns: str | None) -> Runnable:
    """Read an ``ifconfig`` command: showing is one ``Command``, setting a ``Sequence`` (also of one step).

    Raises
    ------
    CommandSyntaxError
        The form is not known, in ifconfig's words.

    >>> steps = parse(("ifconfig", "eth0", "10.0.0.1", "netmask", "255.255.255.0"), "red")
    >>> for step in steps.commands:
    ...     print(step.verb, dict(step.args))
    addr.primary {'dev': 'eth0', 'label': 'eth0', 'address': '10.0.0.1'}
    link.set {'dev': 'eth0', 'up': True}
    addr.primary {'dev': 'eth0', 'label': 'eth0', 'prefixlen': 24}
    """
    try:
        return _read(argv, ns)
    except Beyond:
        return Program(argv, ns)


def _read(argv: tuple[str, ...], ns: str | None) -> Command | Sequence:
    words = Words(argv, 1)
    display: dict[str, Any] = {}
    everything = False
    while words.more and words.word.startswith("-"):
        option = words.next()
        if option == "-a":
            everything = True
        elif option == "-s":
            display["stats"] = True
        elif option in ("-V", "-version", "--version", "-h", "-?", "-help", "--help"):
            raise Beyond(f"ifconfig {option}")
        elif option != "-v":
            message = f"ifconfig: option `{option}' not recognised."
            raise words.fail(message, hint=say("form-ifconfig-options"))

    def command(verb: str, args: dict[str, Any]) -> Command:
        return Command(tool="ifconfig", verb=verb, args=args, ns=ns, argv=argv, display=display)

    if not words.more:
        return command("link.show", {} if everything else {"up": True})
    label = words.next()
    dev, colon, alias = label.partition(":")
    if not valid_ifname(label) or not dev or (colon and not (alias.isascii() and alias.isdigit())):
        message = f"{label}: error fetching interface information: Device not found"
        raise words.fail(message, hint=ifname_hint(label) if not valid_ifname(label) else say("form-alias"))
    if not words.more:
        return command("addr.show", {"dev": dev, "label": label}) if colon else command("link.show", {"dev": dev})
    steps = _Steps(words, dev, label)
    steps.read()
    return Sequence(tuple(command(verb, args) for verb, args in steps.done), keep_going=True)


class _Steps:
    """Collects the steps of one line."""

    def __init__(self, words: Words, dev: str, label: str) -> None:
        self.words, self.dev, self.label = words, dev, label
        self.alias = dev != label
        self.done: list[tuple[str, dict[str, Any]]] = []
        self.family = "inet"
        self.netmask = False
        self.address = False
        self.last_length: int | None = None

    def link(self, **args: Any) -> None:
        self.done.append(("link.set", {"dev": self.dev, **args}))

    def primary(self, **args: Any) -> None:
        self.done.append(("addr.primary", {"dev": self.dev, "label": self.label, **args}))

    def read(self) -> None:
        words = self.words
        if words.word in ("inet", "inet6"):
            self.family = words.next()
        if not words.more:
            raise Beyond("ifconfig IF AF")  # says and does nothing
        while words.more:
            self.word(words.next())
        if self.last_length is not None:
            self.primary(prefixlen=self.last_length)

    def word(self, word: str) -> None:
        """One word with what belongs to it."""
        switch = SWITCHES.get(word.removeprefix("-"))
        if self.alias and (switch or word in ("mtu", "txqueuelen", "hw", "name")):
            raise Beyond(f"ifconfig {word} of an alias")
        if switch:
            self.link(**{switch: not word.startswith("-")})
        elif word in LEFT:
            raise Beyond(f"ifconfig {word}")
        elif word in ("up", "down"):
            self.up(word == "up")
        elif word == "mtu":
            self.link(mtu=self.number(68, 0x7FFFFFFF))
        elif word == "txqueuelen":
            self.link(txqlen=self.number(0, 0x7FFFFFFF))
        elif word == "name":
            name = self.next()
            if not valid_ifname(name):
                raise self.words.fail("SIOCSIFNAME: Invalid argument", hint=ifname_hint(name))
            self.link(name=name)
        elif word == "hw":
            self.link(mac=self.hardware())
        elif word in ("add", "del"):
            self.inet6(word)
        elif word == "netmask":
            self.mask()
        elif word == "broadcast":
            if self.words.more:
                self.primary(broadcast=self.ipv4(self.next()))
        elif word in ("pointopoint", "dstaddr"):
            if not self.words.more:
                raise Beyond(f"ifconfig {word}")
            self.primary(peer=self.ipv4(self.next()))
        else:
            self.set_address(word)

    def next(self) -> str:
        if not self.words.more:
            hint = say("form-ends-after", word=self.words.argv[-1])
            raise self.words.fail("Usage: ifconfig [-a] [-s] [IF [ADDRESS] …]", back=0, hint=hint)
        return self.words.next()

    def number(self, low: int, high: int) -> int:
        word = self.next()
        value = read_number(word, low, high)
        # mtu is read in base 10, so that a leading zero would mean something else there.
        if value is None or (word.startswith("0") and len(word) > 1):
            what = self.words.argv[self.words.i - 2]
            message = f"{'SIOCSIFMTU' if what == 'mtu' else 'SIOCSIFTXQLEN'}: Invalid argument"
            raise self.words.fail(message, hint=say("form-number-not", word=word, low=low, high=high))
        return value

    def ipv4(self, word: str) -> str:
        address = "0.0.0.0" if word == "default" else aton(word)
        if address is None:
            raise self.words.fail(f"{word}: Unknown host", hint=say("form-ipv4-only"))
        return address

    def hardware(self) -> str:
        kind = self.next()
        if kind != "ether":
            hint = say("form-hw-ether")
            raise self.words.fail("Usage: ifconfig IF hw ether MAC", expected=("ether",), hint=hint)
        word = self.next()
        mac = read_mac(word)
        if mac is None:
            raise self.words.fail(f"{word}: invalid ether address.", hint=say("form-mac"))
        return mac

    def up(self, up: bool) -> None:
        if not self.alias:
            self.link(up=up)
        elif not up:
            self.primary(remove=True)
        elif not self.address:
            raise Beyond("ifconfig up of an alias")
        # An alias has no switch of its own: "up" behind its address does nothing.

    def mask(self) -> None:
        word = self.next()
        if self.netmask:
            raise self.words.fail("Usage: ifconfig IF ADDRESS netmask MASK", hint=say("form-netmask-twice"))
        length = mask_length(self.ipv4(word))
        if length is None:
            raise self.words.fail("SIOCSIFNETMASK: Invalid argument", hint=say("form-netmask"))
        self.netmask = True
        self.primary(prefixlen=length)

    def set_address(self, word: str) -> None:
        """A bare word: the address, perhaps with its length."""
        head, slash, tail = word.partition("/")
        if self.family != "inet" or (aton(head) is None and head != "default"):
            raise self.no_address(word)
        if slash:
            length = int(tail) if tail.isascii() and tail.isdigit() and len(tail) < 4 else -1
            if not 0 <= length <= 31:
                # The real tool makes a netmask of zeros out of /32: not something to do without being asked.
                hint = say("form-single", tail=tail) if length == 32 else say("form-length-31", tail=tail)
                raise self.words.fail("Usage: ifconfig IF ADDRESS[/LENGTH]", hint=hint)
            if self.netmask:
                raise self.words.fail("Usage: ifconfig IF ADDRESS netmask MASK", hint=say("form-netmask-twice"))
            self.last_length = length
        if not self.address and any(verb == "addr.primary" for verb, _ in self.done):
            hint = say("form-address-first")
            raise self.words.fail("Usage: ifconfig IF ADDRESS netmask MASK broadcast ADDRESS", hint=hint)
        self.address = True
        self.primary(address=self.ipv4(head))
        if not self.alias:
            self.link(up=True)

    def no_address(self, word: str) -> CommandSyntaxError:
        hint: str | None = place_hint(word, self.words.starts[self.words.i - 1], _WORDS)
        if read_ipv6(word.partition("/")[0]) is not None:
            hint = say("form-ifconfig-ipv6", dev=self.dev, word=word)
        return self.words.fail(f"{word}: Host name lookup failure", expected=_WORDS, hint=hint)

    def inet6(self, word: str) -> None:
        """``add`` and ``del`` of IPv6 addresses; those of IPv4 make aliases with a free number, left to the real tool."""
        text = self.next()
        head, slash, tail = text.partition("/")
        if ":" not in head or self.alias:
            raise Beyond(f"ifconfig {word} of IPv4")
        address = read_ipv6(head)
        length = int(tail) if tail.isascii() and tail.isdigit() and len(tail) < 4 else (-1 if slash else 128)
        if address is None:
            raise self.words.fail(f"{head}: Unknown host", hint=say("form-ipv6-only"))
        if not 0 <= length <= 128:
            hint = say("form-length", full=128)
            raise self.words.fail(f"Usage: ifconfig IF {word} ADDRESS/LENGTH", hint=hint)
        args = {"dev": self.dev, "address": address, "prefixlen": length, "family": "inet6"}
        if word == "add":
            args["scope"] = 0
        self.done.append((f"addr.{word}", args))
