"""Importing a package so that an interrupt cannot leave half of it behind.

A KeyboardInterrupt only ever comes to the main thread. When it comes while numpy is being imported there, Python forgets numpy but
not its compiled part, and refuses to load that again ("cannot load module more than once per process"): no table could be shown
until the notebook's kernel is restarted. So the main thread has it imported by another one, and waits; what is interrupted is
the waiting.
"""

from __future__ import annotations

import importlib
import threading


def load(name: str) -> None:
    """Import a module, all of it, whatever happens to the caller meanwhile.

    >>> load("json")

    Raises
    ------
    ImportError
        As an import statement does.
    """
    if threading.current_thread() is not threading.main_thread():
        importlib.import_module(name)
        return
    raised: list[BaseException] = []

    def work() -> None:
        try:
            importlib.import_module(name)
        except BaseException as error:  # noqa: BLE001 - it is the caller's
            raised.append(error)

    thread = threading.Thread(target=work, name="nsmagic-import", daemon=True)
    thread.start()
    thread.join()
    if raised:
        raise raised[0]
