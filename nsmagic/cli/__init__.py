"""The command ``nsmagic``: what can be typed, and where each word leads. Each subcommand is a module or a few lines here.

Exit status: 0 all went well, 1 something failed (said on standard error in a line or two), 2 the command line is wrong, 130
interrupted. ``nsmagic shell`` ends with its shell's own status.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence

from nsmagic import __version__
from nsmagic.cli import teaching
from nsmagic.errors import NsmagicError
from nsmagic.model import HOST

_KINDS = ("rootless", "rootless-nomount", "vm", "host")


def parser() -> argparse.ArgumentParser:
    """The grammar of the command line."""
    top = argparse.ArgumentParser(
        prog="nsmagic", description="Learn Linux networking in a notebook: real network namespaces, without root."
    )
    top.add_argument("--version", action="version", version=f"nsmagic {__version__}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)

    lab = commands.add_parser(
        "lab",
        help="open JupyterLab on your own copy of the notebooks",
        description="Open JupyterLab on your own copy of the notebooks. Further arguments are JupyterLab's own.",
    )
    lab.add_argument("folder", nargs="?", metavar="DIR", help="where the copy lies (default: ~/nsmagic-notebooks)")
    lab.add_argument(
        "--fresh", action="store_true", help="start with new copies; what you changed moves to DIR/kept-DATE"
    )
    lab.add_argument("--port", type=int, metavar="N", help="the port of JupyterLab")
    lab.add_argument("--no-browser", action="store_true", help="do not open a browser")

    run = commands.add_parser(
        "run",
        help="run a file of commands in a fresh lab",
        description="Run a file as one %%netns cell in a fresh lab. The exit status is 1 when a line failed.",
    )
    run.add_argument("file", metavar="FILE", help="the file; - is standard input")
    run.add_argument("--ns", default=HOST, metavar="NS", help="the namespace it runs in, made first (default: host)")
    run.add_argument("--then", action="append", default=[], metavar="CMD", help="run this on the lab's host afterwards")
    run.add_argument("--json", action="store_true", help="print one JSON document in place of the output")
    run.add_argument("--timeout", type=_seconds, metavar="S", help="end a command after so many seconds")
    run.add_argument("--seed", type=int, default=0, metavar="N", help="MAC addresses are derived from it (default: 0)")
    run.add_argument("--sandbox", choices=_KINDS, metavar="KIND", help=f"force a kind of sandbox: {', '.join(_KINDS)}")

    shell = commands.add_parser(
        "shell",
        help="a shell in a running lab",
        description="Open a shell in a namespace of a running lab of yours; what is piped in runs as a script.",
    )
    shell.add_argument("ns", nargs="?", default=HOST, metavar="NS", help="the namespace (default: host)")
    shell.add_argument("--lab", metavar="ID", help="which lab, where several run: the beginning of its id")

    commands.add_parser("ls", help="list your running labs", description="List your running labs.")

    machine = commands.add_parser(
        "vm",
        help="fetch the kernel for labs where the machine gives no namespaces",
        description="Fetch the distribution's package user-mode-linux and unpack it into your cache, without root; its checksum is checked.",
    )
    machine.add_argument("verb", choices=("install",), metavar="install", help="fetch and unpack it")

    doctor = commands.add_parser(
        "doctor",
        help="what this machine can give a lab",
        description="Try what a lab needs of this machine: each step with its cause and cure, the kernel's features, the programs.",
    )
    what = doctor.add_mutually_exclusive_group()
    what.add_argument(
        "--install", action="store_true", help="install the programs that are missing (apt-get, dnf or apk)"
    )
    what.add_argument("--json", action="store_true", help="print one JSON document")
    what.add_argument("--apparmor", action="store_true", help="print the AppArmor profile that lets our launcher in")
    teaching.add(commands)
    return top


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e6:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds")
    return value


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the command line says; the exit status.

    >>> main(["doctor", "--apparmor"])  # doctest: +ELLIPSIS
    # Made by nsmagic ...
    0
    """
    grammar = parser()
    options, more = grammar.parse_known_args(argv)
    if more and options.command != "lab":
        grammar.error(f"unrecognized arguments: {' '.join(more)}")
    try:
        return _do(options, more)
    except NsmagicError as error:
        sys.stdout.flush()
        print(error.render(), file=sys.stderr)
        return 1
    except KeyboardInterrupt as interrupt:
        said = getattr(interrupt, "text", "")
        print(f"interrupted{': ' + said if said else ''}", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # Whoever read our output has gone (``| head``); the interpreter's own last flush must not complain again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 141


def _do(options: argparse.Namespace, more: Sequence[str]) -> int:
    match options.command:
        case "lab":
            from nsmagic.cli.notebooks import open_lab

            return open_lab(
                options.folder, fresh=options.fresh, port=options.port, browser=not options.no_browser, more=more
            )
        case "run":
            from nsmagic.cli.run import run

            return run(
                options.file, ns=options.ns, then=options.then, as_json=options.json, timeout=options.timeout,
                seed=options.seed, sandbox=options.sandbox,
            )  # fmt: skip
        case "shell":
            from nsmagic.cli.shell import shell

            return shell(options.ns, options.lab)
        case "ls":
            from nsmagic.cli.shell import list_labs

            return list_labs()
        case "vm":
            from nsmagic.sandbox import vm

            vm.install()
            return 0
        case command if command in teaching.COMMANDS:
            return teaching.do(options)
        case _:
            return _doctor(options)


def _doctor(options: argparse.Namespace) -> int:
    from nsmagic.sandbox import doctor, tools

    if options.apparmor:
        print(doctor.apparmor_profile(), end="")
        return 0
    if options.install:
        tools.install()
        return 0
    report = doctor.examine()
    if options.json:
        print(json.dumps(report.to_data(), indent=1, ensure_ascii=False))
    else:
        print(report.text(), end="")
    return 0 if report.ok else 1
