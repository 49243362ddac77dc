"""nsmagic: learn Linux networking in a notebook, on a real kernel, without root.

In a notebook::

    %load_ext nsmagic
    %%netns
    ip netns add red

In a script::

    from nsmagic import Lab
    with Lab() as lab:
        lab.run("ip netns add red")
        print(lab.links)

Importing starts nothing and imports nothing heavy; the names below are loaded when first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nsmagic.errors import NsmagicError
    from nsmagic.lab import Lab, Namespace

__all__ = ["Lab", "Namespace", "NsmagicError", "load_ipython_extension", "unload_ipython_extension"]
__version__ = "0.1.0"

_WHERE = {"Lab": "nsmagic.lab", "Namespace": "nsmagic.lab", "NsmagicError": "nsmagic.errors"}


def __getattr__(name: str) -> Any:
    if name in _WHERE:
        from importlib import import_module

        return getattr(import_module(_WHERE[name]), name)
    raise AttributeError(f"module 'nsmagic' has no attribute {name!r}")


def load_ipython_extension(ipython: Any) -> None:
    """``%load_ext nsmagic``: register the magics. Starts no lab; the first command does."""
    from nsmagic.magics import load

    load(ipython)


def unload_ipython_extension(ipython: Any) -> None:
    """``%unload_ext nsmagic``: close the labs of this notebook and take the magics away."""
    from nsmagic.magics import unload

    unload(ipython)
