"""Mininet with its LinuxBridge. It starts a bash for each host as well. argv: how many hosts."""

import json
import sys
import time

from mininet import net, node, util
from mininet.net import Mininet
from mininet.nodelib import LinuxBridge

# It writes sysctls that are the whole machine's; that is no part of building a lab, and not ours to do.
net.fixLimits = util.fixLimits = lambda: None

count = int(sys.argv[1])
began = time.perf_counter()
lab = Mininet(switch=LinuxBridge, controller=None, waitConnected=False)
switch = lab.addSwitch("br0")
for i in range(count):
    host = lab.addHost(f"h{i}", ip=f"10.0.{(256 + i) // 256}.{(256 + i) % 256}/16", defaultRoute="via 10.0.0.1")
    lab.addLink(host, switch)
lab.build()
switch.start([])
node.Node("root", inNamespace=False).cmd("ip addr add 10.0.0.1/16 dev br0")
seconds = time.perf_counter() - began
for i in (0, count - 1):
    if "via 10.0.0.1" not in lab.hosts[i].cmd("ip route get 198.51.100.1"):
        sys.exit(f"h{i} has no default route")
print(json.dumps({"build": seconds}))
