"""munet from its configuration. Its nodes have mount, pid and uts namespaces too, and no default route. argv: how many nodes."""

import asyncio
import json
import os
import sys
import tempfile
import time

from munet.parser import async_build_topology

count = int(sys.argv[1])


async def main() -> float:
    nodes = [
        {
            "name": f"h{i}",
            "connections": [{"to": "br0", "name": "eth0", "ip": f"10.0.{(256 + i) // 256}.{(256 + i) % 256}/16"}],
        }
        for i in range(count)
    ]
    config = {
        "version": 1,
        "config_pathname": "/run/munet.yaml",
        "topology": {"networks": [{"name": "br0", "ip": "10.0.0.1/16"}], "nodes": nodes},
    }
    began = time.perf_counter()
    lab = await async_build_topology(config, rundir=tempfile.mkdtemp(prefix="nsmagic-bench.", dir="/run"))
    seconds = time.perf_counter() - began
    for i in (0, count - 1):
        if (
            f"10.0.{(256 + i) // 256}.{(256 + i) % 256}/16"
            not in lab.hosts[f"h{i}"].cmd_status("ip addr show dev eth0")[1]
        ):
            sys.exit(f"h{i} has no address")
    return seconds


print(json.dumps({"build": asyncio.run(main())}), flush=True)
# What it would clean up ends with the sandbox.
os._exit(0)
