"""Draw the pictures of the README on the real kernel: ``python -m tests.topology.draw``. They stand in ``notebooks/images``."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.topology import scenes

FOLDER = Path(__file__).resolve().parent.parent.parent / "notebooks" / "images"

#: The scenes, in the order in which the README shows them.
SHOWN = ("room", "cable", "switch", "nat", "thirty")

#: What is typed besides, and the remark that it makes on the host.
MASQUERADE = "iptables -t nat -A POSTROUTING -s 192.168.15.0/24 -j MASQUERADE"
BADGES = {"nat": {"host": ["NAT from 192.168.15.0/24 → MASQUERADE"]}}


def draw(folder: Path = FOLDER) -> list[Path]:
    """Build each scene in a lab of its own, and save its picture without marks."""
    from nsmagic import Lab

    drawn = []
    for name in SHOWN:
        scene = scenes.SCENES[name]
        with Lab(world=scene.world) as lab:
            scenes.build(lab, scene)
            if name == "nat":
                lab.run(MASQUERADE).check()
            lab.history.clear()
            drawn.append(lab.topology().save(folder / f"{name}.svg"))
    return drawn


if __name__ == "__main__":
    for path in draw(*map(Path, sys.argv[1:])):
        print(path)
