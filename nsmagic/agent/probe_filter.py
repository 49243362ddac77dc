"""A filter in the kernel for what a probe's sockets see: without it a flood beside the probe fills them before the probe is read.

Classic BPF (Documentation/networking/filter.rst) for packet sockets without link headers, where a packet begins with that of IP.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

from nsmagic.agent import pcap_filter
from nsmagic.agent.probe_packet import ETH_IP, ETH_IP6, Not

_LD_W_IND, _LD_B_IND, _LD_B_ABS, _LD_H_ABS = 0x40, 0x50, 0x30, 0x28
_LDX_IMM, _LDX_IP, _ST, _LD_MEM, _JEQ, _JA, _RET = 0x01, 0xB1, 0x02, 0x60, 0x15, 0x05, 0x06
#: SKF_AD_OFF + SKF_AD_PROTOCOL (linux/filter.h)
_PROTOCOL = 0xFFFFF000
_ALL = 0x40000
#: Stands for a jump behind all instructions of a protocol.
_END = -1


def attachment(others: Sequence[Not]) -> tuple[bytes, ctypes.Array[ctypes.c_char]]:
    """What ``setsockopt(SO_ATTACH_FILTER)`` takes, and the memory that it points to."""
    memory = pcap_filter.pack(program(others))
    return pcap_filter.attachment(memory), memory


def program(others: Sequence[Not]) -> list[tuple[int, int, int, int]]:
    """Instructions that refuse these packets and take all others: operation, jump if so, jump if not, operand."""
    head = [
        (_LD_H_ABS, 0, 0, _PROTOCOL),
        (_JEQ, 2, 0, ETH_IP),
        (_JEQ, 4, 0, ETH_IP6),
        (_RET, 0, 0, _ALL),
        (_LDX_IP, 0, 0, 0),
        (_LD_B_ABS, 0, 0, 9),
        (_JA, 0, 0, 2),
        (_LDX_IMM, 0, 0, 40),
        (_LD_B_ABS, 0, 0, 6),
        (_ST, 0, 0, 0),
    ]
    return [*head, *(step for each in others for step in _refused(each)), (_RET, 0, 0, _ALL)]


def _refused(each: Not) -> list[tuple[int, int, int, int]]:
    """Refuse what is of this protocol and fits all tests; what fails one goes on behind these instructions."""
    parts = [[(_LD_MEM, 0, 0, 0), (_JEQ, 0, _END, each.protocol)]]
    for offset, value, same in each.tests:
        words = [value[at : at + 4] for at in range(0, len(value), 4)]
        steps: list[tuple[int, int, int, int]] = []
        for number, word in enumerate(words):
            operation = _LD_W_IND if len(word) == 4 else _LD_B_IND
            rest = 2 * (len(words) - number - 1)  # past the words that are left: one that differs is enough
            wanted = (0, _END) if same else (_END if not rest else 0, rest)
            steps += [(operation, 0, 0, offset + 4 * number), (_JEQ, *wanted, int.from_bytes(word, "big"))]
        parts.append(steps)
    steps = [step for part in parts for step in part] + [(_RET, 0, 0, 0)]
    end = len(steps)
    return [
        (operation, end - at - 1 if yes == _END else yes, end - at - 1 if no == _END else no, operand)
        for at, (operation, yes, no, operand) in enumerate(steps)
    ]
