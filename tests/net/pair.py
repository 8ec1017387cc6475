# SPDX-License-Identifier: BSD-3-Clause
"""Two gateways, customers on both sides, any number of paths between them through the wire.

Customer c has 10.0.1.10 and fd00:0:0:1::10 behind gateway a, 10.0.2.10 and fd00:0:0:2::10 behind b;
all customers have the same addresses.
"""

from gateway import Gateway, boot, device
from lab import Lab
from peers import Wire, trunk

SIDES = {"a": 1, "b": 2}
VLAN = 101
VNI = 1001
BACKBONE_MTU = 1600


class Pair:
    def __init__(self, name, paths, customers=("acme",), endpoint=None, connection=None,
                 attachment=None, mtu=BACKBONE_MTU, seed=1, tags=None):
        """paths: {name: path settings such as {"family": 6, "encapsulation": "vxlan"}}.

        endpoint, connection, attachment: more members for each of these objects.
        tags: {customer: tags of its attachments}; by default one 802.1Q tag each.
        """
        self.lab = Lab(name)
        self.paths = paths
        self.customers = customers
        self.more = {"endpoint": endpoint or {}, "connection": connection or {},
                     "attachment": attachment or {}}
        self.mtu = mtu
        self.tags = tags or {name: [{"type": "0x8100", "vlan": VLAN + number}]
                             for number, name in enumerate(customers)}
        self.hosts, self.spaces, self.switches, self.gateways = {}, {}, {}, {}
        try:
            for side in SIDES:
                self.add_cloud(side)
            self.add_backbone(seed)
            for side in SIDES:
                self.start(side)
        except BaseException:
            self.lab.close()
            raise

    def close(self):
        self.lab.close()

    def add_cloud(self, side):
        switch = self.switches[side] = self.lab.namespace(f"cloud-{side}")
        space = self.spaces[side] = self.lab.namespace(f"gw-{side}")
        self.lab.veth(switch, "trunk", space, "cloud", mtu=1508)
        own = SIDES[side]
        for name in self.customers:
            host = self.hosts[name, side] = self.lab.namespace(f"{name}-{side}")
            self.lab.veth(host, "eth0", switch, name)
            host.address("eth0", f"10.0.{own}.10/24", f"fd00:0:0:{own}::10/64")
            host.route("0.0.0.0/0", f"10.0.{own}.1")
            host.route("::/0", f"fd00:0:0:{own}::1")
        trunk(switch, "trunk", {
            name: ".".join(f"{tag['type']}:{tag['vlan']}" for tag in tags)
            for name, tags in self.tags.items()})

    def add_backbone(self, seed):
        self.backbone = self.lab.namespace("backbone")
        links = {}
        for index, name in enumerate(self.paths, 1):
            links[name] = (f"a{index}", f"b{index}")
            for side in SIDES:
                self.lab.veth(self.spaces[side], f"bb{index}", self.backbone, f"{side}{index}",
                              mtu=self.mtu)
        self.wire = Wire(self.backbone, links, mtu=self.mtu, seed=seed)

    def boot(self, side):
        ports = {"cloud": {"device": device("cloud"), "mtu": 1500}}
        for index in range(1, len(self.paths) + 1):
            ports[f"bb{index}"] = {"device": device(f"bb{index}"), "mtu": self.mtu}
        # DPDK wants names that are unique on the machine.
        return boot(self.spaces[side].name, self.lab.path(f"gw-{side}"), ports)

    def start(self, side):
        self.gateways[side] = Gateway(self.spaces[side], self.boot(side))
        self.gateways[side].apply(self.document(side))

    def path(self, side, index, name, settings):
        settings = dict(settings)
        own, other = SIDES[side], 3 - SIDES[side]
        if settings.pop("family", 4) == 4:
            local, remote = f"198.18.{index}.{own}/24", f"198.18.{index}.{other}"
        else:
            local, remote = f"2001:db8:{index}::{own}/64", f"2001:db8:{index}::{other}"
        return {"name": name, "site": f"gw-{'ab'[other - 1]}", "port": f"bb{index}",
                "local": local, "remote": remote, **settings}

    def endpoint(self, side, number):
        """Ethernet payloads need addresses to resolve; IP payloads do not mind them."""
        own, other = SIDES[side], 3 - SIDES[side]
        settings = dict(self.more["endpoint"])
        if settings.get("payload") == "ethernet" or \
                any(p.get("encapsulation") == "vxlan" or p.get("payload") == "ethernet"
                    for p in self.paths.values()):
            settings.setdefault("addresses", [f"169.254.9.{own}/30"])
            settings.setdefault("peer_addresses", [f"169.254.9.{other}"])
        return {"site": f"gw-{'ab'[other - 1]}", "vni": VNI + number, **settings}

    def document(self, side):
        own, other = SIDES[side], 3 - SIDES[side]
        site = f"gw-{'ab'[other - 1]}"
        document = {
            "sites": [{"name": site}],
            "paths": [self.path(side, index, name, settings)
                      for index, (name, settings) in enumerate(self.paths.items(), 1)],
            "connections": [], "attachments": [], "routes": [],
        }
        for number, name in enumerate(self.customers):
            document["connections"].append({
                "name": name, "vni": VNI + number, "endpoints": [self.endpoint(side, number)],
                **self.more["connection"]})
            document["attachments"].append({
                "name": f"{name}-1", "connection": name, "port": "cloud",
                "tags": self.tags[name],
                "addresses": [f"10.0.{own}.1/24", f"fd00:0:0:{own}::1/64"], "mtu": 1500,
                **self.more["attachment"]})
            document["routes"].append({
                "connection": name, "prefixes": [f"10.0.{other}.0/24", f"fd00:0:0:{other}::/64"],
                "via": {"site": site}})
        return document
