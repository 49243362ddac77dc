"""``python -m nsmagic.topology``: a sample, drawn as text."""

from __future__ import annotations

from nsmagic.topology import text
from nsmagic.topology.sample import switch

if __name__ == "__main__":
    print(text(switch(), forwarding={"host"}))
