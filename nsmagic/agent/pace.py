"""How much may be on its way into a virtual machine and not read there yet.

A serial line of User Mode Linux ends at a terminal that holds 4096 bytes (``N_TTY_BUF_SIZE``). When 128 of these are left the terminal
asks its driver to wait (``n_tty_check_throttle``), and the driver gives up its descriptor for good: ``line_throttle`` in
arch/um/drivers/line.c deactivates it, and ``reactivate_fd`` in arch/um/kernel/irq.c does nothing (seen with 6.1). From then on
nothing arrives. So no more is sent than fits, and the guest says what it has taken.
"""

from __future__ import annotations

#: Bytes that may be under way, and after how many the guest says that it took them.
WINDOW, TOLD = 3072, 1024


class Pace:
    """The sender's side; from any thread.

    >>> pace = Pace()
    >>> pace.take(5000), pace.give(1024), pace.take(5000)
    (3072, None, 1024)
    """

    def __init__(self) -> None:
        import threading  # here, since the guest, which only tells, has no use for it

        self._room = WINDOW
        self._over = False
        self._changed = threading.Condition()

    def take(self, wanted: int) -> int:
        """Wait until something may be sent; how much, at most what is wanted.

        Raises
        ------
        BrokenPipeError
            The connection has ended.
        """
        with self._changed:
            while not self._room and not self._over:
                self._changed.wait()
            if self._over:
                raise BrokenPipeError
            taken = min(wanted, self._room)
            self._room -= taken
            return taken

    def give(self, taken: int) -> None:
        """The guest has read so much."""
        with self._changed:
            self._room = min(self._room + max(taken, 0), WINDOW)
            self._changed.notify_all()

    def end(self) -> None:
        """Let go who waits."""
        with self._changed:
            self._over = True
            self._changed.notify_all()
