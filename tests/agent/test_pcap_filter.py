"""The program of a filter: which part of it runs for which sort of link."""

from __future__ import annotations

import pytest

from nsmagic.agent import pcap_filter
from nsmagic.errors import CommandSyntaxError, NsmagicError


def answer(program: list[pcap_filter.Instruction], link_type: int) -> int:
    """Run what a program does before it looks at the packet: instructions of classic BPF, as the kernel reads them."""
    at, accumulator = 0, 0
    while True:
        code, yes, no, constant = program[at]
        if code == 0x20:
            assert constant == 0xFFFFF000 + 28
            accumulator = link_type
        elif code == 0x15:
            at += yes if accumulator == constant else no
        elif code == 0x05:
            at += constant
        else:
            assert code == 0x06
            return constant
        at += 1


@pytest.mark.parametrize(("link_type", "kept"), [(1, 7), (772, 7), (65534, 9), (776, 9)])
@pytest.mark.parametrize("longer", [0, 300])
def test_links_without_an_ethernet_header_have_a_program_of_their_own(link_type: int, kept: int, longer: int) -> None:
    ethernet = [*[(0x05, 0, 0, 0)] * longer, *pcap_filter.keep(7)]
    assert answer(pcap_filter.join(ethernet, pcap_filter.keep(9)), link_type) == kept


def test_a_filter_about_ethernet_lets_nothing_else_pass() -> None:
    assert answer(pcap_filter.compile_text("arp", 99), 65534) == 0
    assert len(pcap_filter.compile_text("icmp", 99)) > 8


def test_what_libpcap_refuses_is_told_in_its_words() -> None:
    with pytest.raises(CommandSyntaxError, match="filter 'icmp or': can't parse filter expression"):
        pcap_filter.compile_text("icmp or", 99)
    with pytest.raises(NsmagicError, match="too long"):
        pcap_filter.join(pcap_filter.keep(1) * 5000, [])


def test_without_libpcap_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pcap_filter, "_NAMES", ("libpcap-that-is-not-there.so",))
    with pytest.raises(NsmagicError, match="libpcap") as error:
        pcap_filter.compile_text("icmp", 100)
    assert "apt install libpcap0.8" in str(error.value.hint)
