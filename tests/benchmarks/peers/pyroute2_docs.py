"""pyroute2 as its documents show it: ``netns.create``, ``NetNS``, links looked up by name. argv: how many namespaces."""

import json
import os
import subprocess
import sys
import time

from pyroute2 import IPRoute, NetNS, netns

count = int(sys.argv[1])
began = time.perf_counter()
with IPRoute() as ipr:
    ipr.link("add", ifname="br0", kind="bridge")
    bridge = ipr.link_lookup(ifname="br0")[0]
    ipr.link("set", index=bridge, state="up")
    ipr.addr("add", index=bridge, address="10.0.0.1", prefixlen=16)
    for i in range(count):
        netns.create(f"h{i}")
        ipr.link("add", ifname=f"v{i}", kind="veth", peer={"ifname": "eth0", "net_ns_fd": f"h{i}"})
        port = ipr.link_lookup(ifname=f"v{i}")[0]
        ipr.link("set", index=port, master=bridge)
        ipr.link("set", index=port, state="up")
        with NetNS(f"h{i}") as ns:
            ns.link("set", index=ns.link_lookup(ifname="lo")[0], state="up")
            eth0 = ns.link_lookup(ifname="eth0")[0]
            ns.addr("add", index=eth0, address=f"10.0.{(256 + i) // 256}.{(256 + i) % 256}", prefixlen=16)
            ns.link("set", index=eth0, state="up")
            ns.route("add", gateway="10.0.0.1")
seconds = time.perf_counter() - began
subprocess.run([os.environ["FLOOR"], "check", str(count)], check=True, stdout=subprocess.DEVNULL)
print(json.dumps({"build": seconds}))
