"""Names that everybody needs, here because ``model.py``, which makes classes, takes a third of the time of ``%load_ext``."""

from __future__ import annotations

#: The lab's own root namespace.
HOST = "host"
