"""Puts the sandboxes of the netlink tests within reach."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "netlink"))
