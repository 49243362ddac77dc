"""``python -m nsmagic`` is the command ``nsmagic``."""

from __future__ import annotations

import sys

from nsmagic.cli import main

if __name__ == "__main__":
    sys.exit(main())
