"""What a learner reads of tasks, checks and faults, keyed by code, so that it can be translated in one place.

A check's sentence says what is not so yet; how to get there is what hints are for.
"""

from __future__ import annotations

from nsmagic.printable import printable

SENTENCES: dict[str, str] = {
    # checks: what holds
    "namespace": "there is a namespace {ns}",
    "namespace-gone": "there is no namespace {ns}",
    "link": "{ns} has the interface {what}",
    "link-gone": "{ns} has no interface {ifname}",
    "cable": "a cable leads from {ns} to {peer_ns}",
    "up": "{ns}/{ifname} is switched on",
    "port-of": "{ns}/{ifname} is a port of {master}",
    "address": "{ns} has the address {address}",
    "address-gone": "{ns} has no address {address}",
    "route": "{ns} knows a way to {dst}",
    "route-gone": "{ns} has no route to {dst}",
    "neighbour": "{ns} has {address} among its neighbours, with its true MAC",
    "sysctl": "{name} is {value} in {ns}",
    "reaches": "{ns} reaches {to}",
    "silent": "{ns} does not reach {to}, as it should be",
    "tcp": "{ns} gets through to port {port} of {to}",
    "blocked": "{what} from {ns} to {to} is held up, and the rest still gets through",
    "seen-as": "{to} sees {ns} as {address}",
    "listens": "somebody listens at port {port} in {ns}",
    "process": "{name} runs in a room of its own for processes, as number 1",
    # checks: what is missing
    "namespace-not": "there is no namespace {ns} yet",
    "namespace-still": "the namespace {ns} is still there",
    "link-not": "{ns} does not have the interface {what}",
    "link-kind": "{ns}/{ifname} is of kind {is_}, not {kind}",
    "link-still": "{ns} still has the interface {ifname}",
    "cable-not": "no cable leads from {ns} to {peer_ns}",
    "up-not": "{ns}/{ifname} is switched off",
    "carrier-not": "{ns}/{ifname} is switched on but has no carrier",
    "port-not": "{ns}/{ifname} is not a port of {master}",
    "address-not": "{ns} does not have the address {address}",
    "address-length": "{ns} has the address, but with another prefix length",
    "address-dev": "{ns} has the address, but on another interface than {dev}",
    "address-still": "{ns} still has the address {address}",
    "route-not": "{ns} has no route that is meant for {dst}",
    "route-other": "{ns} has a route for {dst}, but it leads elsewhere",
    "route-still": "{ns} still has a route to {dst}",
    "neighbour-not": "{ns} does not know the hardware address of {address}",
    "neighbour-false": "{ns} has a wrong hardware address for {address}",
    "sysctl-not": "{name} is {is_} in {ns}",
    "reaches-not": "a ping from {ns} to {to} is not answered",
    "silent-not": "a ping from {ns} to {to} is answered, and should not be",
    "tcp-not": "nobody answers {ns} at port {port} of {to}",
    "tcp-elsewhere": "port {port} of {to} answers {ns}, but the connection does not end in {server}",
    "blocked-not": "{what} from {ns} to {to} still gets through",
    "blocked-all": "{what} from {ns} to {to} is held up, but so is {canary}, which should get through",
    "seen-as-not": "{to} sees {ns} as {is_}",
    "seen-as-none": "nothing that {ns} sends arrives at {to}",
    "listens-not": "nobody listens at port {port} in {ns}",
    "process-not": "no {name} runs as number 1 of a room of its own",
    "no-room": "{ns} is not there, so nothing can be tried in it",
    # around them
    "task": "task {name}: {title}",
    "task-new": "the lab is new and holds what the task begins with; %check {name} looks at what you did, %hint {name} helps",
    "task-done": "{name}: all {count} points hold",
    "task-open": "{name}: {done} of {count} points hold",
    "hint-more": "(hint {number} of {count}; %hint {name} again gives the next)",
    "hint-last": "(hint {number} of {count}, the last one)",
    "task-none": "there is no task {name!r}",
    "task-none-begun": "no task has begun in this lab",
    "task-begin": "%task lists them, %task NAME begins one",
    "break-began": "a house with a fault in it (seed {seed}, level {level}): {symptom}",
    "break-next": "find it and mend it; %check break looks whether all is well, %hint break helps",
    "break-whole": "break: all is well again. It was: {title}",
    "break-level": "there is no level {level!r}",
    "break-levels": "levels: 1 (seen at a glance), 2 (needs thinking), 3 (needs looking deep)",
}  # fmt: skip


def say(code: str, **fields: object) -> str:
    """The sentence of that code with its fields filled in.

    >>> say("up-not", ns="red", ifname="veth-red")
    'red/veth-red is switched off'
    """
    shown = {name: printable(value) if isinstance(value, str) else value for name, value in fields.items()}
    return SENTENCES[code].format(**shown)
