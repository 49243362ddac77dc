"""NeST with a Switch (it lives in a namespace of its own). argv: how many nodes."""

import json
import os
import subprocess
import sys
import time

# It lists the qdisc files of iproute2 when it is imported, which not every distribution has at that place.
_listdir = os.listdir
os.listdir = lambda path=".": [] if path == "/usr/lib/tc" and not os.path.isdir(path) else _listdir(path)

from nest.topology import Node, Switch, connect  # noqa: E402

count = int(sys.argv[1])
began = time.perf_counter()
switch = Switch("br0")
nodes = []
for i in range(count):
    node = Node(f"h{i}")
    inside, _ = connect(node, switch)
    inside.set_address(f"10.0.{(256 + i) // 256}.{(256 + i) % 256}/16")
    node.add_route("DEFAULT", inside, "10.0.0.1")
    nodes.append(node)
switch.set_address("10.0.0.1/16")
seconds = time.perf_counter() - began
for i in (0, count - 1):
    subprocess.run(["ip", "-n", nodes[i].id, "route", "get", "198.51.100.1"], check=True, stdout=subprocess.DEVNULL)
print(json.dumps({"build": seconds}), flush=True)
# What it would clean up ends with the sandbox.
os._exit(0)
