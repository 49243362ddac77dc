"""Answers pings in a way of its own: ``twice``, ``changed`` data, ``short``, ``tiny``, from ``elsewhere``, with ``nop`` options."""

import socket
import sys
from struct import pack

sys.path.insert(0, f"{__file__.rpartition('/tests/')[0]}")
from nsmagic.agent.ping_packet import checksum

mode = sys.argv[1]
hear = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
say = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
if mode == "elsewhere":
    say.bind(("192.168.15.3", 0))
if mode == "nop":
    say.setsockopt(socket.IPPROTO_IP, socket.IP_OPTIONS, bytes([1, 1, 1, 0]))
print("ready", flush=True)
while True:
    data, sender = hear.recvfrom(1 << 16)
    if data[20] != 8:
        continue
    body = data[24:]
    if mode == "changed":
        body = body[:40] + b"\xee" + body[41:]
    body = {"short": body[:30], "tiny": body[:10]}.get(mode, body)
    answer = b"\0\0" + pack("=H", checksum(b"\0\0\0\0" + body)) + body
    for _ in range(2 if mode == "twice" else 1):
        say.sendto(answer, sender)
