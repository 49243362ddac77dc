"""Events by a raw netlink socket in the same process: request sent, acknowledged, seen. argv: how many. One line of JSON, seconds."""

import json
import socket
import struct
import subprocess
import sys
import time

RTMGRP_LINK, RTM_NEWLINK, NLM_F_REQUEST, NLM_F_ACK, IFF_UP = 1, 16, 1, 4, 1

subprocess.run(["ip", "link", "add", "v0", "index", "1000", "type", "veth", "peer", "name", "w0"], check=True)
events, asking = (socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) for _ in range(2))
events.bind((0, RTMGRP_LINK))
sent_to_seen, acknowledged_to_seen = [], []
for number in range(int(sys.argv[1])):
    flags = IFF_UP if number % 2 == 0 else 0
    message = struct.pack("=IHHIIBxHiII", 32, RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK, 1, 0, 0, 0, 1000, flags, IFF_UP)
    began = time.perf_counter()
    asking.send(message)
    asking.recv(4096)
    acknowledged = time.perf_counter()
    while struct.unpack_from("=HHIIBxHi", events.recv(65536), 4)[-1] != 1000:
        continue
    seen = time.perf_counter()
    sent_to_seen.append(seen - began)
    acknowledged_to_seen.append(seen - acknowledged)
    events.setblocking(False)
    try:
        while True:  # the events that follow from this one
            events.recv(65536)
    except BlockingIOError:
        events.setblocking(True)
sent_to_seen.sort()
acknowledged_to_seen.sort()
middle = len(sent_to_seen) // 2
print(json.dumps({"seconds": sent_to_seen[middle], "after the ACK": acknowledged_to_seen[middle]}))
