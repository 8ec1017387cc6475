# SPDX-License-Identifier: BSD-3-Clause
"""Who talks to whom in the measurements with Pktgen: tenants, addresses, and the gateway between.

     Pktgen port 0                    gateway                     Pktgen port 1
  routers of the tenants ── cloud: VLAN 101 … 104             far site, two paths
  10.1.0.0/16 behind each            backbone: Geneve ── 10.2.0.0/16 behind each

Every tenant uses the same addresses; only tag and VNI tell them apart.
"""

TENANTS = 4
FIRST_VLAN = 101
FIRST_VNI = 1001
ROUTES = 256  # /24 of each tenant towards the far site

CLOUD_MAC = "02:00:00:00:01:00"
BACKBONE_MAC = "02:00:00:00:02:00"
ROUTER_MAC = "02:00:00:01:00:{:02x}"  # of tenant n
FAR_MAC = "02:00:00:02:00:{:02x}"     # of path n

LINK = "192.0.2.1/30"
ROUTER = "192.0.2.2"
UNDERLAY = "198.18.0.1"
FAR = ["198.18.0.2", "198.18.0.3"]
GENEVE_PORT = 6081

NEAR_HOSTS = "10.1.{}.{}"
FAR_HOSTS = "10.2.{}.{}"
NEAR_HOSTS6 = "fd00:1::{:x}"
FAR_HOSTS6 = "fd00:2:{:x}::{:x}"

# Layer 2 without tag and FCS around an IP packet, as frame sizes are counted: 64 means 46 bytes of IP.
FRAME_OVER_IP = 18
SIZES = {"64": [64], "512": [512], "1400": [1400], "mix": [64] * 7 + [576] * 4 + [1400]}


def document():
    """What the gateway is told once it runs."""
    connections, attachments, routes = [], [], []
    for n in range(TENANTS):
        name = f"tenant{n + 1}"
        connections.append({"name": name, "vni": FIRST_VNI + n, "bandwidth_mbps": 1000000,
                            "endpoints": [{"site": "far"}]})
        attachments.append({"name": f"{name}-cloud", "connection": name, "port": "cloud",
                            "tags": [{"type": "0x8100", "vlan": FIRST_VLAN + n}],
                            "addresses": [LINK]})
        near = {"next_hops": [{"attachment": f"{name}-cloud", "address": ROUTER}]}
        routes.append({"connection": name, "prefixes": ["10.1.0.0/16", "fd00:1::/32"],
                       "via": near})
        routes.append({"connection": name, "via": {"site": "far"}, "prefixes":
                       [f"10.2.{i}.0/24" for i in range(ROUTES)]
                       + [f"fd00:2:{i:x}::/48" for i in range(ROUTES)]})
    paths = [{"name": f"path{n + 1}", "site": "far", "port": "backbone",
              "local": f"{UNDERLAY}/24", "remote": far} for n, far in enumerate(FAR)]
    return {"sites": [{"name": "far"}], "paths": paths, "connections": connections,
            "attachments": attachments, "routes": routes}


def boot(directory, devices, cpu, hugepages):
    """The boot file of the gateway; devices: of cloud and of backbone."""
    return {
        "name": "bench-pktgen", "run_dir": f"{directory}/run", "state_dir": f"{directory}/state",
        "ports": [{"name": "cloud", "device": devices[0]},
                  {"name": "backbone", "device": devices[1]}],
        "workers": {"count": 1, "cpus": [cpu], "idle": "busy"},
        "memory": {"hugepages": "require" if hugepages else "off", "megabytes": 256,
                   "buffers": 16384},
    }
