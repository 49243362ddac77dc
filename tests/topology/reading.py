"""Reading pictures back: DOT by Graphviz's own parser, SVG by an XML parser that takes only what a picture may hold."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field

import defusedxml.ElementTree as safe

_SVG = "{http://www.w3.org/2000/svg}"

#: Element → the attributes that it may have in a picture. No script, no link, no event, no foreign content.
ALLOWED = {
    "svg": {"width", "height", "viewBox", "font-family", "role", "aria-label"},
    "style": set(),
    "rect": {"x", "y", "width", "height", "rx", "fill", "stroke", "stroke-width"},
    "g": {"id", "class", "transform"},
    "title": set(),
    "path": {"d", "fill", "stroke", "stroke-width", "stroke-dasharray"},
    "polygon": {"points", "fill", "stroke", "stroke-width", "stroke-dasharray"},
    "polyline": {"points", "fill", "stroke", "stroke-width"},
    "ellipse": {"cx", "cy", "rx", "ry", "fill", "stroke", "stroke-width"},
    "text": {
        "x", "y", "fill", "font-family", "font-size", "font-weight", "text-anchor", "text-decoration", "font-style",
    },
}  # fmt: skip
_STYLE = re.compile(r"[^<&\\]*")


def svg(text: str) -> ET.Element:
    """The picture as a tree, after a look at every element and attribute."""
    root: ET.Element = safe.fromstring(text)
    for element in root.iter():
        name = element.tag.removeprefix(_SVG)
        assert name in ALLOWED, f"<{name}> in a picture"
        assert set(element.attrib) <= ALLOWED[name], f"<{name} {sorted(set(element.attrib) - ALLOWED[name])}>"
        assert not any("url(" in value or "javascript" in value for value in element.attrib.values() if name != "svg")
        if name == "style":
            assert "url" not in (element.text or "")
            assert "@import" not in (element.text or "")
    return root


def texts(root: ET.Element) -> list[str]:
    """What is written in a picture, in the order of drawing."""
    return ["".join(element.itertext()) for element in root.iter(f"{_SVG}text")]


def groups(root: ET.Element, kind: str) -> dict[str, ET.Element]:
    """The groups of a kind (``node``, ``edge``, ``cluster``) by their identifier."""
    found = {}
    for element in root.iter(f"{_SVG}g"):
        if kind in (element.get("class") or "").split():
            found[element.get("id") or ""] = element
    return found


@dataclass
class Read:
    """A text in DOT as Graphviz understands it."""

    nodes: dict[str, str] = field(default_factory=dict)
    """Identifier → the words of its label."""
    edges: list[tuple[str, str, str]] = field(default_factory=list)
    """(tail with port, head with port, style)"""
    clusters: list[str] = field(default_factory=list)


def dot(text: str) -> Read:
    """A text in DOT, read by Graphviz itself."""
    import pygraphviz

    graph = pygraphviz.AGraph(string=text)
    read = Read()
    for node in graph.nodes():
        read.nodes[str(node)] = words(node.attr["label"] or "")
    for edge in graph.edges():
        ends = [
            f"{end}:{edge.attr[port]}" if edge.attr[port] else str(end)
            for end, port in zip(edge, ("tailport", "headport"), strict=True)
        ]
        read.edges.append((ends[0], ends[1], edge.attr["style"] or ""))
    read.clusters = [each.name for each in _subgraphs(graph) if (each.name or "").startswith("cluster")]
    graph.close()
    return read


def _subgraphs(graph: object) -> list[object]:
    found = []
    for each in graph.subgraphs():  # type: ignore[attr-defined]
        found += [each, *_subgraphs(each)]
    return found


def words(label: str) -> str:
    """The words of an HTML-like label, as Graphviz shows them: markup and entities read, backslashes single."""
    if not label.startswith("<"):
        return label
    tree = safe.fromstring(f"<label>{label[1:-1] if label.startswith('<<') else label}</label>")
    return "".join(tree.itertext()).replace("\\\\", "\\")
