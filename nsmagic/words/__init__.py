"""What the tools print, made from rows: ``--text``, ``-j`` and ``%config Netns.show = "both"`` without the tools installed.

One module per tool and object. ``text`` gives the tool's words, ``json_rows`` what its ``-j`` prints as data, in iproute2's order of
keys; both are compared with the real tools in the tests. What the model does not hold raises :class:`NotInModel`, so that
the caller can start the real tool instead: nothing is invented.
"""

from __future__ import annotations
