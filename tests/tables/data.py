"""A lab with a row of each kind, and what a table's HTML says."""

from __future__ import annotations

import html.parser

from nsmagic.snapshot import Snapshot
from nsmagic.tables import NetTable
from nsmagic.topology.sample import switch

FULL = Snapshot.from_data(
    {
        **switch().to_data(),
        "neighbours": [
            ["red", "inet", "192.168.15.10", "02:00:00:00:00:10", "veth-red", "STALE"],
            ["red", "inet", "192.168.15.9", "02:00:00:00:00:09", "veth-red", "REACHABLE"],
            ["blue", "inet", "192.168.15.3", "", "veth-blue", "FAILED"],
            ["red", "inet6", "ff02::16", "33:33:00:00:00:16", "veth-red", "NOARP"],
        ],
        "rules": [["host", "inet", 32766, "all", "all", "", "", "", 254], ["host", "inet", 0, "all", "all", "", "", "", 255]],
        "fdb": [
            ["host", "33:33:00:00:00:01", "v-net-0", "", 0, "", "permanent"],
            ["host", "02:00:00:00:00:01", "veth-red-br", "v-net-0"],
        ],
    }
)  # fmt: skip


class Reader(html.parser.HTMLParser):
    """Tags opened and closed, cell texts, attributes: enough to see that the HTML means what we meant."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.rows: list[list[str]] = []
        self.caption = ""
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("td", "th"):
            self.rows[-1][-1] += data
        elif self.open and self.open[-1] == "caption":
            self.caption += data


def read(table: NetTable) -> Reader:
    reader = Reader()
    markup = table._repr_html_()
    assert markup is not None
    reader.feed(markup)
    assert not reader.open
    return reader
