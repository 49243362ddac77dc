"""What the linter says, keyed by code."""

from __future__ import annotations

from nsmagic.printable import printable

SENTENCES: dict[str, str] = {
    # commands
    "prefix-length": "{address} without a prefix length is a /32: nobody else is on that cable; did you mean {address}/24?",
    "net-ns": "{text}: the word is netns, without a hyphen",
    "unreadable": "{text}: {why}",
    "namespace-none": "{text}: the namespace {ns} is made nowhere above",
    "device-none": "{text}: there is no interface {dev} in {ns} at this point; did you mean {other}?",
    "device-elsewhere": "{text}: {dev} is in {ns} by now, not in {here}",
    "link-twice": "{text}: {dev} is there already, made in line {line}",
    "cable-half": "{dev} was switched on, but its other end {peer} never is: the cable stays dead",
    "cable-down": "neither end of the cable {dev} – {peer} is ever switched on",
    "port-down": "{dev} is a port of {master}, but is never switched on",
    "bridge-down": "the bridge {dev} is never switched on",
    "gateway": "{text}: {gateway} is in none of the networks that {ns} has an address in",
    "nat-table": "{text}: {word} is in the table nat, so -t nat is missing",
    "forwarding": "packets shall go through a gateway, but forwarding is switched on nowhere (net.ipv4.ip_forward=1)",
    # notebooks
    "magic-first": "{magic} must be the very first line of its cell",
    "magic-missing": "the cell begins with a command of the shell: %%netns is missing on its first line",
    "no-output": "the cell has no stored output (nsmagic refresh stores it; tag it no-output where none is meant)",
    "error-stored": "the cell's stored output is the error {name}, and it is not tagged raises-exception",
    # text
    "headings": "{count} headings of the first level; one is the title",
    "heading-order": "the heading {text!r} jumps from level {above} to {level}",
    "image-alt": "the picture {target} has no text for those who cannot see it",
    "image-lost": "the picture {target} is not there",
}  # fmt: skip


def say(code: str, **fields: object) -> str:
    """The sentence of that code.

    >>> say("bridge-down", dev="v-net-0")
    'the bridge v-net-0 is never switched on'
    """
    shown = {name: printable(value) if isinstance(value, str) else value for name, value in fields.items()}
    return SENTENCES[code].format(**shown)
