"""The ``bridge`` tool of iproute2 6.1: ports (``link``), forwarding database (``fdb``) and ``vlan``.

What iproute2 adds by itself stands in the arguments: an fdb entry is ``self`` unless ``master`` is typed, and
``permanent`` unless a state is. ``mdb``, ``monitor``, ``vlan tunnelshow`` and the like are left to the real tool.

More than 300 lines, because the three objects share their options, and each alone would be a file of one function.
"""

from __future__ import annotations

from typing import Any

from nsmagic.commands.command import Batch, Command, Program, Runnable
from nsmagic.commands.grammar import Beyond, Keywords, Words, read_lladdr
from nsmagic.sentences import say

OPTIONS = Keywords(
    "-help -Version -stats -statistics=-stats -details -oneline -timestamp -family -4! -6! -netns -color -compressvlans "
    "-force -json -pretty -batch"
)
OBJECTS = Keywords("link fdb mdb vlan monitor help")
DISPLAY = {
    "-stats": "stats", "-details": "details", "-oneline": "oneline", "-timestamp": "timestamp", "-color": "color",
    "-json": "json", "-pretty": "pretty",
}  # fmt: skip

LINK = Keywords("set change=set show lst=show list=show ls=show help")
FDB = Keywords("add append replace delete=del get show lst=show list=show ls=show flush! help")
VLAN = Keywords("add delete=del show lst=show list=show ls=show tunnelshow set global! help")

FDB_ENTRY = Keywords(
    "dev! dst! nhid! port! vni! src_vni! via! self! master router local=permanent permanent temp=static static dynamic "
    "vlan use extern_learn sticky to!"
)
#: The states of an fdb entry as netlink knows them, by any of iproute2's spellings.
FDB_STATES = Keywords("permanent static temp=static dynamic reachable=dynamic")

ON_OFF = (
    "guard", "hairpin", "fastleave", "root_block", "learning", "learning_sync", "flood", "mcast_flood", "bcast_flood",
    "mcast_to_unicast", "neigh_suppress", "vlan_tunnel", "isolated", "locked",
)  # fmt: skip
#: Attribute with a number → (smallest, greatest).
NUMBERS = {"cost": (0, 0xFFFFFFFF), "priority": (0, 0xFFFF), "mcast_router": (0, 255)}
PORT_STATES = ("disabled", "listening", "learning", "forwarding", "blocking")
PORT_WORDS = ("dev", *ON_OFF, *NUMBERS, "state", "hwmode", "backup_port", "nobackup_port", "self", "master")
VLAN_WORDS = ("dev", "vid", "pvid", "untagged", "self", "master")


def parse(argv: tuple[str, ...], ns: str | None) -> Runnable:
    """Read a ``bridge`` command.

    Parameters
    ----------
    argv
        The words, ``argv[0]`` is the tool.
    ns
        The namespace a prefix named; ``-n NS`` inside wins.

    Raises
    ------
    CommandSyntaxError
        The form is not known, in iproute2's words.

    >>> command = parse(("bridge", "-n", "red", "fdb", "add", "2:0:0:0:0:7", "dev", "eth0"), None)
    >>> command.verb, command.ns, dict(command.args)
    ('bridge.fdb.add', 'red', {'mac': '02:00:00:00:00:07', 'dev': 'eth0', 'self': True, 'state': 'permanent'})
    """
    try:
        return _read(argv, ns)
    except Beyond:
        return Program(argv, ns)


def _read(argv: tuple[str, ...], ns: str | None) -> Command | Batch:
    words = Words(argv, 1)
    display: dict[str, Any] = {}
    family: str | None = None
    batch: str | None = None
    force = False
    while words.more and words.word.startswith("-"):
        typed = words.next()
        if typed == "--":
            break
        option = "-color" if _is_color(typed) else OPTIONS.find(typed[1:] if typed.startswith("--") else typed)
        if option is None:
            raise words.unknown(f'Option "{typed}" is unknown, try "bridge help".', OPTIONS.names)
        elif option in DISPLAY:
            display[DISPLAY[option]] = True
        elif option == "-family":
            family = words.choice("invalid protocol family", ("inet", "inet6"))
        elif option in ("-4", "-6"):
            family = "inet" if option == "-4" else "inet6"
        elif option == "-netns":
            ns = words.next(("a namespace",))
        elif option == "-force":
            force = True
        elif option == "-batch":
            batch = words.next(("a file",))
        elif option != "-compressvlans":
            raise Beyond(f"bridge {typed}")
    if batch is not None:
        return Batch(file=batch, force=force, ns=ns, tool="bridge", prefix=())
    word = words.next(OBJECTS.names)
    match OBJECTS.find(word):
        case "link":
            verb, args = _link(words)
        case "fdb":
            verb, args = _fdb(words, family)
        case "vlan":
            verb, args = _vlan(words)
        case None:
            raise words.unknown(f'Object "{word}" is unknown, try "bridge help".', OBJECTS.names)
        case other:
            raise Beyond(f"bridge {other}")
    return Command(tool="bridge", verb=verb, args=args, ns=ns, argv=argv, display=display)


def _is_color(option: str) -> bool:
    """``-c``, ``-color``, ``-color=always|auto|never``, as iproute2 reads it."""
    name, equals, when = option.removeprefix("-").partition("=")
    return bool(name.strip("-")) and "-color".startswith(f"-{name.strip('-')}") and (
        not equals or when in ("always", "auto", "never")
    )  # fmt: skip


def _verb(words: Words, obj: str, table: Keywords) -> str:
    """The second word: what to do. Nothing is ``show``."""
    if not words.more:
        return "show"
    word = words.next()
    verb = table.find(word)
    if verb is None:
        raise words.unknown(f'Command "{word}" is unknown, try "bridge {obj} help".', table.names)
    return verb


# -- bridge link ---------------------------------------------------------------------------------------------------------


def _link(words: Words) -> tuple[str, dict[str, Any]]:
    match _verb(words, "link", LINK):
        case "show":
            return "bridge.link.show", _filter(words, {"dev": "dev", "master": "master"})
        case "set":
            return "bridge.link.set", _port(words)
        case other:
            raise Beyond(f"bridge link {other}")


def _filter(words: Words, keys: dict[str, str]) -> dict[str, Any]:
    """The filters of a ``show``. Any other word is passed over in silence, as iproute2 does."""
    args: dict[str, Any] = {}
    while words.more:
        word = words.next()
        if word in keys:
            args[keys[word]] = words.device()
        elif word and "help".startswith(word):
            raise Beyond("the help of bridge")
    return args


def _port(words: Words) -> dict[str, Any]:
    args: dict[str, Any] = {}
    data: dict[str, Any] = {}
    while words.more:
        word = words.next()
        if word == "dev":
            args["dev"] = words.device()
        elif word in ON_OFF:
            data[word] = words.on_off(word)
        elif word in NUMBERS:
            low, high = NUMBERS[word]
            data[word] = words.number(f'invalid "{word}"', low, high)
        elif word == "state":
            data["state"] = _port_state(words)
        elif word == "backup_port":
            data["backup_port"] = words.device()
        elif word == "nobackup_port":
            data["backup_port"] = ""
        elif word in ("self", "master"):
            args[word] = True
        elif word == "hwmode":
            mode = words.next(("vepa", "veb"))
            if mode not in ("vepa", "veb"):
                raise words.unknown('Mode argument must be "vepa" or "veb".', ("vepa", "veb"))
            data["hwmode"] = mode
            args["self"] = True
        else:
            message = f'Error: "{word}" is not an attribute of a port, try "bridge link help".'
            hint = say("form-write-dev", word=word) if "dev" not in args and not data else None
            raise words.fail(message, expected=PORT_WORDS, hint=hint) if hint else words.unknown(message, PORT_WORDS)
    if "dev" not in args:
        raise words.fail("Device is a required argument.", back=0, hint=say("form-add-port"))
    if data.get("cost") == 0:
        del data["cost"]  # iproute2 takes 0 for "not given".
    args["data"] = data
    return args


def _port_state(words: Words) -> int:
    word = words.next(PORT_STATES)
    if word in PORT_STATES:
        return PORT_STATES.index(word)
    if not word.isascii() or not word.isdigit() or int(word[:9]) > 255:
        raise words.unknown("Error: invalid STP port state", PORT_STATES)
    return int(word)


# -- bridge fdb ----------------------------------------------------------------------------------------------------------


def _fdb(words: Words, family: str | None) -> tuple[str, dict[str, Any]]:
    match _verb(words, "fdb", FDB):
        case "show":
            return "bridge.fdb.show", _fdb_show(words)
        case "add" | "append" | "replace" | "del" as verb:
            return f"bridge.fdb.{verb}", _fdb_entry(words, family)
        case other:
            raise Beyond(f"bridge fdb {other}")


def _fdb_show(words: Words) -> dict[str, Any]:
    args: dict[str, Any] = {}
    while words.more:
        word = words.next()
        if word in ("dev", "brport"):
            args["dev" if word == "dev" else "brport"] = words.device()
        elif word == "br":
            args["br"] = words.device()
        elif word == "vlan":
            args["vlan"] = words.number("invalid vlan", 0, 4095)
        elif word == "dynamic":
            args["dynamic"] = True
        elif word == "state":
            state = words.next(FDB_STATES.names)
            if state == "all":
                continue
            found = FDB_STATES.find(state)
            if found is None:
                raise words.wrong("invalid state", expected=(*FDB_STATES.names, "all"))
            args["state"] = found
        elif word and "help".startswith(word):
            raise Beyond("the help of bridge fdb")
    return args


def _fdb_entry(words: Words, family: str | None) -> dict[str, Any]:
    args: dict[str, Any] = {}
    mac: str | None = None
    while words.more:
        word = words.next()
        match FDB_ENTRY.find(word):
            case "dev":
                args["dev"] = words.device()
            case "dst":
                if "dst" in args:
                    words.next()
                    raise words.garbage("dst")
                args["dst"] = words.address(family)
            case "nhid":
                args["nhid"] = words.number('"id" value is invalid')
            case "port":
                args["port"] = words.number("invalid port", 0, 0xFFFF)
            case "vni" | "src_vni" as key:
                args[key] = words.number("invalid VNI", 0, 0xFFFFFF)
            case "via":
                args["via"] = words.device()
            case "vlan":
                if "vlan" in args:
                    raise words.garbage("vlan")
                args["vlan"] = words.number("invalid vlan id", 0, 4094)
            case "self" | "master" | "router" | "use" | "extern_learn" | "sticky" as flag:
                args[flag] = True
            case "permanent" | "static" | "dynamic" as state:
                if args.setdefault("state", state) != state:
                    raise words.garbage("state")
            case other:
                if other == "to":
                    words.next(("a MAC address",))
                if words.argv[words.i - 1] and "help".startswith(words.argv[words.i - 1]):
                    raise Beyond("the help of bridge fdb")
                if mac is not None:
                    raise words.garbage("to", FDB_ENTRY.names)
                mac = args["mac"] = _mac(words)
    if "dev" not in args or mac is None:
        hint = say("form-add-dev") if mac else say("form-add-mac")
        raise words.fail("Device and address are required arguments.", back=0, hint=hint)
    if "nhid" in args and args.keys() & {"dst", "port", "vni"}:
        raise words.fail("dst, port, vni are mutually exclusive with nhid", hint=say("form-nexthop"))
    if not args.keys() & {"self", "master"}:
        args["self"] = True
    args.setdefault("state", "permanent")
    return args


def _mac(words: Words) -> str:
    """The word taken last, as an Ethernet address."""
    word = words.argv[words.i - 1]
    mac = read_lladdr(word) if word.count(":") == 5 else None
    if mac is None:
        hint = say("form-mac")
        raise words.fail(f"Invalid mac address {word}", expected=FDB_ENTRY.names, hint=hint)
    return mac


# -- bridge vlan ---------------------------------------------------------------------------------------------------------


def _vlan(words: Words) -> tuple[str, dict[str, Any]]:
    match _verb(words, "vlan", VLAN):
        case "show":
            return "bridge.vlan.show", _vlan_show(words)
        case "add" | "del" as verb:
            return f"bridge.vlan.{verb}", _vlan_entry(words)
        case other:
            raise Beyond(f"bridge vlan {other}")


def _vlan_show(words: Words) -> dict[str, Any]:
    args: dict[str, Any] = {}
    while words.more:
        word = words.next()
        if word in args:
            words.next()
            raise words.garbage(word)
        if word == "dev":
            args["dev"] = words.device()
        elif word == "vid":
            args["vid"] = words.number("invalid VLAN ID", 0, 4095)
        elif word and "help".startswith(word):
            raise Beyond("the help of bridge vlan")
    return args


def _vlan_entry(words: Words) -> dict[str, Any]:
    args: dict[str, Any] = {}
    while words.more:
        word = words.next()
        if word == "dev":
            args["dev"] = words.device()
        elif word == "vid":
            args.update(_vids(words))
        elif word in ("pvid", "untagged", "self", "master"):
            args[word] = True
        elif word == "tunnel_info":
            raise Beyond("tunnel_info")
        else:
            message = f'Error: "{word}" is not known here, try "bridge vlan help".'
            raise words.unknown(message, VLAN_WORDS)
    if "dev" not in args or "vid" not in args:
        hint = say("form-add-port") if "dev" not in args else say("form-add-vid")
        raise words.fail("Device and VLAN ID are required arguments.", back=0, hint=hint)
    if "vid_end" in args and args.get("pvid"):
        raise words.fail("pvid cannot be configured for a vlan range", hint=say("form-pvid"))
    return args


def _vids(words: Words) -> dict[str, int]:
    """``10`` or ``10-20``."""
    word = words.next(("a VLAN ID",))
    first, dash, last = word.partition("-")
    vids = [
        int(part)
        for part in ((first, last) if dash else (first,))
        if part.isascii() and part.isdigit() and len(part) < 6
    ]
    if len(vids) != 1 + bool(dash) or not 0 < vids[0] < 4096:
        raise words.fail(f'Invalid VLAN ID "{word}"', hint=say("form-vlan"))
    if dash and not vids[0] < vids[1] < 4096:
        raise words.fail(f'Invalid VLAN range "{word}"', hint=say("form-range"))
    return {"vid": vids[0], "vid_end": vids[1]} if dash else {"vid": vids[0]}
