"""json2netns from its JSON file, and one ``ip -batch`` for the bridge, which it lacks. argv: how many namespaces."""

import json
import os
import subprocess
import sys
import tempfile
import time

os.environ["LOGNAME"] = "root"  # it asks who we are by name

from json2netns import main

count = int(sys.argv[1])
namespaces = {
    f"h{i}": {
        "id": i + 1,
        "interfaces": {
            f"w{i}": {"type": "veth", "peer_name": f"v{i}", "prefixes": [f"10.0.{(256 + i) // 256}.{(256 + i) % 256}/16"]},
        },
        "oob": False,
        "routes": {"default": {"dest_prefix": "0.0.0.0/0", "next_hop_ip": "10.0.0.1", "egress_if_name": ""}},
    }
    for i in range(count)
}  # fmt: skip
bridge = ["link add br0 type bridge", "link set br0 up", "addr add 10.0.0.1/16 dev br0"]
bridge += [f"link set v{i} up master br0" for i in range(count)]
with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
    json.dump({"namespaces": namespaces, "oob": {"prefixes": []}, "physical_int": ""}, file)
    file.flush()
    sys.argv = ["json2netns", file.name, "create"]
    began = time.perf_counter()
    status = main.main()
    subprocess.run(["ip", "-batch", "-"], input="\n".join(bridge), text=True, check=True)
    seconds = time.perf_counter() - began
for i in (0, count - 1):
    subprocess.run(["ip", "-n", f"h{i}", "route", "get", "198.51.100.1"], check=True, stdout=subprocess.DEVNULL)
if status:
    sys.exit(status)
print(json.dumps({"build": seconds}))
