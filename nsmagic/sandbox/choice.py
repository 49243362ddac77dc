"""Which kind of sandbox a lab gets: by trying, never by reading settings."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import time
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from nsmagic import sentences
from nsmagic.agent.client import Client
from nsmagic.errors import LabError, SandboxUnavailable
from nsmagic.sandbox import config, launch, lent, vm
from nsmagic.sandbox.causes import cause_of
from nsmagic.sentences import say

#: The kinds tried, in order, when none is asked for. ``host`` is never among them.
AUTOMATIC = ("rootless", "rootless-nomount", "vm")
#: Seconds a lab may take to start before it is given up. It takes a fraction of one; but when a class of sixty begins at once on two
#: processors, each waits its turn for half a minute, and a lab given up there begins again, in vain as often as not.
PATIENCE = 60.0
#: Seconds within which the namespaces of a lab that has ended are free for the next one.
_FREED = 1.0


def start(
    wanted: str | None,
    *,
    seed: int,
    limits: Mapping[str, int],
    ended: Callable[[str], None],
    folder: str | None = None,
    booting: Callable[[], contextlib.AbstractContextManager[None]] = contextlib.nullcontext,
) -> tuple[Client, launch.Launched, str]:
    """Start a lab: ``(client, what was launched, its kind)``. ``wanted`` is a kind, or None for the first that works.
    ``booting`` is entered while a virtual machine starts, which takes a second, on a busy machine two or three.

    Raises
    ------
    SandboxUnavailable
        No kind works; the message names what stood in the way of each.
    LabError
        The kind does not exist or may not be used like this.
    """
    if not sys.platform.startswith("linux"):
        raise SandboxUnavailable(
            f"network namespaces are a feature of Linux; this is {sys.platform}",
            step="platform",
            hint=say("no-linux"),
        )
    wanted = wanted or os.environ.get("NSMAGIC_SANDBOX") or None
    if wanted is not None and wanted not in config.KINDS:
        raise LabError(f"there is no sandbox kind {wanted!r}", hint=say("kinds", known=", ".join(config.KINDS)))
    if wanted == "host":
        _warn_of_host()
    refusals: list[SandboxUnavailable] = []
    for kind in (wanted,) if wanted else AUTOMATIC:
        given_up = time.monotonic() + _FREED
        while True:
            try:
                return *_try(config.make(kind, seed=seed, limits=limits, folder=folder), ended, booting), kind
            except SandboxUnavailable as refusal:
                # The kernel frees the namespaces of the kind tried before a moment after it has ended.
                if refusals and refusal.errno == errno.ENOSPC and time.monotonic() < given_up:
                    continue
                refusals.append(refusal)
                break
    raise _no_kind(refusals)


def _try(
    settings: Mapping[str, Any],
    ended: Callable[[str], None],
    booting: Callable[[], contextlib.AbstractContextManager[None]],
) -> tuple[Client, launch.Launched]:
    """Start a lab of one kind.

    Raises
    ------
    SandboxUnavailable
        With the step at which it failed; nothing of it is left.
    """
    handover = launch.Handover()
    launched: launch.Launched | None = None
    client: Client | None = None

    def over(cause: str) -> None:
        handover.forsake()
        if launched is not None:
            launched.hang_up()
        ended(cause)

    try:
        launched = lent.borrow(lent.lender(), settings) if lent.lender() else launch.launch(settings, handover)
        client = Client(launched.channel, over)
        sentences.read()  # takes a while, and there is nothing else to do until the lab is there
        if settings["kind"] == "vm":
            with booting():
                client.wait_ready(PATIENCE)
        else:
            client.wait_ready(PATIENCE)
    except SandboxUnavailable:
        if client is not None:
            client.close()
        if launched is not None:
            launched.end()
        raise
    except BaseException:  # an interrupt: nobody would hold what was started
        handover.forsake()
        raise
    handover.release()
    return client, launched


def _warn_of_host() -> None:
    if os.geteuid() != 0:
        raise LabError("the host kind works on the machine's own network and needs root", hint=say("sandbox-host"))
    warnings.warn(
        "sandbox kind 'host': commands act on THIS MACHINE's interfaces, routes, firewall and sysctls; nothing is undone at the end",
        stacklevel=4,
    )


def _no_kind(refusals: list[SandboxUnavailable], way: str = "") -> SandboxUnavailable:
    """One error of all refusals: what stood in the way of each kind, and as the hint the line that mends the first; or what the
    person can do alone, the ``way``."""
    if len(refusals) > 1 and refusals[-1].step == vm.STEP:
        # A thing that is not there is no cause, but a way.
        return _no_kind(refusals[:-1], "nsmagic vm install" if vm.can_install() else "")
    first = refusals[0]
    named = [(refusal, *cause_of(refusal.step, refusal.errno)) for refusal in refusals]
    if len({(each.step, each.errno, each.message) for each in refusals}) == 1:
        kind = "" if len(refusals) > 1 else f" of kind {first.kind}"
        words = f"no lab{kind} can be started here: {_why(first, named[0][1])}"
    else:
        words = "no lab can be started here:\n" + "\n".join(
            f"  {refusal.kind}: {_why(refusal, cause)}" for refusal, cause, _ in named
        )
    cure = next((cure for _, _, cure in named if cure), "")
    hint = say("cure-administrator", cure=cure) if cure else say("doctor-steps")
    if way:
        hint = say("cure-virtual", way=way, cure=hint)
    return SandboxUnavailable(words, kind=first.kind, step=first.step, errno=first.errno, hint=hint)


def _why(refusal: SandboxUnavailable, cause: str) -> str:
    # The agent's own failures are no settings of the machine, nor is an end of a virtual machine without a number: their words say all.
    own = refusal.step in ("agent", "start", "") or (refusal.step == "virtual machine" and not refusal.errno)
    return refusal.message if own else f"{cause} ({refusal.message})"
