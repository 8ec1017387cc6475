# SPDX-License-Identifier: BSD-3-Clause
"""Three customers with the same addresses, each behind another kind of tag and of tunnel.

  connection  customer side (namespace cloud)        far side
  acme        802.1Q 101                      VRF    far1: Geneve over IPv4, IP inside
  beta        QinQ 0x88a8 200 / 0x8100 300    VRF    far1: Geneve over IPv6, Ethernet inside
  gamma       QinQ 0x8100 201 / 0x8100 301    VRF    far2: VXLAN over IPv4
"""

import json

from world import addressed, into_vrf, vlan

CUSTOMER = ("10.1.0.0/24", "fd01::/64")
CUSTOMER_GATEWAY = ("10.1.0.1/24", "fd01::1/64")
CUSTOMER_HOST = ("10.1.0.2/24", "fd01::2/64")
FAR = ("10.2.0.0/24", "fd02::/64")
FAR_HOST = ("10.2.0.2/24", "fd02::2/64")
FAR_PINGS = ("10.2.0.2", "fd02::2")
# Inside the tunnels that carry Ethernet, ours and the peer's.
INNER = ("10.9.0.1/30", "fd09::1/64")
INNER_PEER = ("10.9.0.2/30", "fd09::2/64")
MAC = "02:00:00:00:0a:01"

CONNECTIONS = {  # name: (VNI, tags, site)
    "acme": (1001, [("0x8100", 101)], "far-geneve4"),
    "beta": (1002, [("0x88a8", 200), ("0x8100", 300)], "far-geneve6"),
    "gamma": (1003, [("0x8100", 201), ("0x8100", 301)], "far-vxlan"),
}
RUN, STATE = "/run/trunkline", "/var/lib/trunkline"


def bare(address):
    return address.partition("/")[0]


def boot_file(world):
    ports = [{"name": wire, "device": f"pci:{world.address(wire)}",
              "distribute": "rings" if wire == "customer" else "off"}
             for wire in ("customer", "backbone1", "backbone2")]
    return json.dumps({
        "name": "gateway", "run_dir": RUN, "state_dir": STATE, "ports": ports,
        "workers": {"count": 2, "cpus": [0, 1], "idle": "adaptive", "idle_sleep_us": 250},
        "memory": {"hugepages": "require", "megabytes": 128, "buffers": 8192},
        "limits": {"connections": 64, "attachments": 64, "endpoints": 64, "routes": 10000,
                   "neighbours": 1024, "next_hop_sets": 64},
    })


def path(name, port, local, remote, **settings):
    return {"name": name, "site": name, "port": port, "local": local, "remote": remote, **settings}


def connection(name):
    vni, _, site = CONNECTIONS[name]
    endpoint = {"site": site, "vni": vni}
    if name == "acme":
        endpoint["payload"] = "ip"
    else:
        endpoint.update(payload="ethernet", mac=MAC, addresses=list(INNER),
                        peer_addresses=[bare(a) for a in INNER_PEER])
    return {"name": name, "vni": vni, "endpoints": [endpoint]}


def attachment(name):
    _, tags, _ = CONNECTIONS[name]
    return {"name": name + "-1", "connection": name, "port": "customer",
            "tags": [{"type": kind, "vlan": number} for kind, number in tags],
            "addresses": list(CUSTOMER_GATEWAY)}


def document():
    return json.dumps({
        "sites": [{"name": site} for _, _, site in CONNECTIONS.values()],
        "paths": [
            path("far-geneve4", "backbone1", "192.0.2.1/24", "192.0.2.2",
                 encapsulation="geneve", payload="ip"),
            path("far-geneve6", "backbone1", "2001:db8::1/64", "2001:db8::2",
                 encapsulation="geneve", payload="ethernet"),
            path("far-vxlan", "backbone2", "198.51.100.1/24", "198.51.100.2",
                 encapsulation="vxlan"),
        ],
        "connections": [connection(name) for name in CONNECTIONS],
        "attachments": [attachment(name) for name in CONNECTIONS],
        "routes": [{"connection": name, "prefixes": list(FAR), "via": {"site": site}}
                   for name, (_, _, site) in CONNECTIONS.items()],
    })


def routes(table, prefixes, vias, device):
    return [f"route add {prefix} table {table} dev {device}" + (f" via {via}" if via else "")
            for prefix, via in zip(prefixes, vias)]


def tags():
    """Interfaces v101, v300 and v301: one tag, and two with either outer type."""
    return (vlan("wire", "v101", 101)
            + vlan("wire", "s200", 200, "802.1ad") + vlan("s200", "v300", 300)
            + vlan("wire", "c201", 201) + vlan("c201", "v301", 301))


def customers():
    """Kernel interfaces of the three customers: each in a VRF named like the connection."""
    lines = tags()
    for table, (name, device) in enumerate(zip(CONNECTIONS, ("v101", "v300", "v301")), 30):
        lines += into_vrf(device, name, table, *CUSTOMER_HOST)
        lines += routes(table, FAR, [bare(a) for a in CUSTOMER_GATEWAY], device)
    return lines


FAR_DEVICES = {"acme": ("far1", "g4"), "beta": ("far1", "g6"), "gamma": ("far2", "x4")}
FAR_TABLES = {"acme": 40, "beta": 41, "gamma": 42}


def far_routes(name):
    """Back to the customer: the kernel forgets them when the interface goes down."""
    vias = (None, None) if name == "acme" else [bare(a) for a in INNER]
    return routes(FAR_TABLES[name], CUSTOMER, vias, FAR_DEVICES[name][1])


def far_end(name):
    device = FAR_DEVICES[name][1]
    addresses = FAR_HOST if name == "acme" else FAR_HOST + INNER_PEER
    return into_vrf(device, name, FAR_TABLES[name], *addresses) + far_routes(name)


def far_geneve():
    """acme without and beta with Ethernet in the tunnel."""
    return (addressed("wire", "192.0.2.2/24", "2001:db8::2/64")
            + ["link add g4 type geneve id 1001 remote 192.0.2.1 innerprotoinherit",
               "link add g6 type geneve id 1002 remote 2001:db8::1 udpcsum"]
            + far_end("acme") + far_end("beta"))


def far_vxlan():
    return (addressed("wire", "198.51.100.2/24")
            + ["link add x4 type vxlan id 1003 local 198.51.100.2 remote 198.51.100.1 "
               "dstport 4789 dev wire"] + far_end("gamma"))
