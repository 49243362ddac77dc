"""pyroute2's NDB as its documents show it: a source for each namespace, objects that are committed. argv: how many."""

import json
import os
import subprocess
import sys
import time

from pyroute2 import NDB

count = int(sys.argv[1])
began = time.perf_counter()
with NDB(log="off") as ndb:
    # Its own number: NDB looks numbers up across all sources, and would take another namespace's link for this one.
    with ndb.interfaces.create(ifname="br0", kind="bridge", index=100000, state="up") as bridge:
        bridge.add_ip("10.0.0.1/16")
    for i in range(count):
        ns = f"h{i}"
        ndb.sources.add(netns=ns)
        ndb.interfaces.create(
            ifname=f"v{i}", kind="veth", index=200000 + i, peer={"ifname": "eth0", "net_ns_fd": ns, "index": 300000 + i}
        ).commit()
        with ndb.interfaces["br0"] as bridge:
            bridge.add_port(f"v{i}")
        with ndb.interfaces[f"v{i}"] as port:
            port.set("state", "up")
        ndb.interfaces.wait(target=ns, ifname="eth0", timeout=10)
        with ndb.interfaces[{"target": ns, "ifname": "lo"}] as lo:
            lo.set("state", "up")
        # A commit of eth0 itself fails in NDB 0.9.7 as soon as a second pair has an end elsewhere ("DB execute error").
        eth0 = ndb.interfaces[{"target": ns, "ifname": "eth0"}]["index"]
        ndb.addresses.create(
            target=ns, index=eth0, address=f"10.0.{(256 + i) // 256}.{(256 + i) % 256}", prefixlen=16
        ).commit()
        ndb.sources[ns].api("link", "set", index=eth0, state="up")
        ndb.routes.create(target=ns, dst="default", gateway="10.0.0.1").commit()
    seconds = time.perf_counter() - began
    subprocess.run([os.environ["FLOOR"], "check", str(count)], check=True, stdout=subprocess.DEVNULL)
    print(json.dumps({"build": seconds}), flush=True)
    # Closing it takes long and is not asked for; the sandbox ends with us.
    os._exit(0)
