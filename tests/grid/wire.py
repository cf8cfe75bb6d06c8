"""A network of made-up delays between real network namespaces.

Reads one JSON object a line from standard input. The first names the machines and their addresses:
{"machines": {"mill": ["10.77.1.1/24"], ...}}. Each later one sets the one-way delay in milliseconds between two of them, or
null for no way at all: {"between": ["mill", "attic"], "delay_ms": 20}. Two that were never named together have no way.
Answers each with a line; the first answer names the namespaces. Ends, and takes everything away, when its input ends.

Every machine has one TUN device in a namespace of its own; this program is the wire between them. Kernels without netem,
as in many virtual machines, need no more than that.
"""

import ctypes
import fcntl
import heapq
import json
import os
import selectors
import struct
import subprocess
import sys
import time

TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
CLONE_NEWNET = 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)
MTU = 1500


def run(*words):
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)


def enter(space):
    """Moves this thread into a network namespace; Python's own os.setns came with 3.12."""
    if LIBC.setns(space, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def open_tun(space):
    """The namespace's end of the wire. A device belongs to the namespace in which it was opened."""
    home = os.open("/proc/self/ns/net", os.O_RDONLY)
    there = os.open(f"/var/run/netns/{space}", os.O_RDONLY)
    try:
        enter(there)
        tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", b"wire", IFF_TUN | IFF_NO_PI))
        return tun
    finally:
        enter(home)
        os.close(home)
        os.close(there)


class Wire:
    def __init__(self):
        self.spaces = {}
        self.tuns = {}
        self.owner = {}
        self.delays = {}
        self.waiting = []
        self.sent = 0
        self.selector = selectors.DefaultSelector()

    def add(self, name, addresses):
        space = f"gridwell-{os.getpid()}-{name}"
        run("ip", "netns", "add", space)
        self.spaces[name] = space
        tun = open_tun(space)
        self.tuns[name] = tun
        for device in ("lo", "wire"):
            run("ip", "-n", space, "link", "set", device, "up")
        for address in addresses:
            run("ip", "-n", space, "address", "add", address, "dev", "wire")
            self.owner[address.split("/")[0]] = name
        self.selector.register(tun, selectors.EVENT_READ, name)

    def read(self, name):
        try:
            packet = os.read(self.tuns[name], MTU)
        except BlockingIOError:
            return
        if len(packet) < 20 or packet[0] >> 4 != 4:
            return
        to = self.owner.get(".".join(map(str, packet[16:20])))
        delay = self.delays.get(frozenset((name, to)))
        if to is not None and delay is not None:
            self.sent += 1
            heapq.heappush(self.waiting, (time.monotonic() + delay, self.sent, to, packet))

    def deliver(self):
        while self.waiting and self.waiting[0][0] <= time.monotonic():
            _, _, to, packet = heapq.heappop(self.waiting)
            try:
                os.write(self.tuns[to], packet)
            except BlockingIOError:
                pass  # A full queue drops, as a network does.

    def obey(self, order):
        if "machines" in order:
            for name, addresses in order["machines"].items():
                self.add(name, addresses)
            return self.spaces
        one, other = order["between"]
        delay = order["delay_ms"]
        self.delays[frozenset((one, other))] = None if delay is None else delay / 1000
        return {}

    def serve(self):
        os.set_blocking(sys.stdin.fileno(), False)
        self.selector.register(sys.stdin.fileno(), selectors.EVENT_READ, None)
        text = b""
        while True:
            pause = max(0, self.waiting[0][0] - time.monotonic()) if self.waiting else None
            for key, _ in self.selector.select(pause):
                if key.data is not None:
                    self.read(key.data)
                    continue
                more = os.read(sys.stdin.fileno(), 65536)
                if not more:
                    return
                *lines, text = (text + more).split(b"\n")
                for line in lines:
                    print(json.dumps(self.obey(json.loads(line))), flush=True)
            self.deliver()

    def close(self):
        for tun in self.tuns.values():
            os.close(tun)
        for space in self.spaces.values():
            subprocess.run(("ip", "netns", "delete", space), check=False)


wire = Wire()
try:
    wire.serve()
finally:
    wire.close()
