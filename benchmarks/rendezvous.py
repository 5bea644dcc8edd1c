"""What several hosts cost before and after training: from all ready, into the group and out again.

    python benchmarks/rendezvous.py [--quick]

The hosts are processes at loopback addresses. Each says when it is ready (its libraries loaded),
gets the word to go at the same moment as the others, and times from there. The single host makes
the same calls and has nobody to wait for.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from typing import TYPE_CHECKING

from _side_by_side import medians, verdict

if TYPE_CHECKING:
    from collections.abc import Callable

PEER = 12.0  # seconds, two hosts that are ready at the same time
HOST = """
import json, sys, time
import numpy, xgboost
from container_toolkit.algorithms.xgboost.collective import joined
from container_toolkit.contract.cluster import Cluster

name, addresses = json.loads(sys.argv[1])
cluster = Cluster(current_host=name, hosts=tuple(addresses))
print("ready", flush=True)
sys.stdin.readline()
begun = time.perf_counter()
with joined(cluster, addresses=addresses) as hosts:
    assert hosts.sum(numpy.ones(1))[0] == len(addresses)
took = time.perf_counter() - begun
print("took", took, flush=True)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="3 repetitions in place of 11")
    repetitions = 3 if parser.parse_args().quick else 11
    took = medians({f"{size} hosts": run(size) for size in (1, 2, 4)}, repetitions)
    print(f"\nrendezvous, one sum and out again, median of {repetitions}, the slowest host counts")
    for name, seconds in took.items():
        print(f"  {name:<10}{seconds * 1000:8.1f} ms")
    verdict("two hosts beyond one", took["2 hosts"] - took["1 hosts"], "s", 1)
    verdict("times faster than the peer", PEER / took["2 hosts"], "x", 12, at_least=True)


def run(size: int) -> Callable[[], float]:
    return lambda: slowest(size)


def slowest(size: int) -> float:
    addresses = {f"algo-{number}": f"127.0.0.{number}" for number in range(1, size + 1)}
    hosts = [
        subprocess.Popen(
            [sys.executable, "-c", HOST, json.dumps([name, addresses])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in addresses
    ]
    for host in hosts:
        assert host.stdout
        assert host.stdout.readline() == "ready\n"
    for host in hosts:
        assert host.stdin
        host.stdin.write("go\n")
        host.stdin.flush()
    said = [host.communicate(timeout=60)[0] for host in hosts]
    if any(host.returncode for host in hosts):
        raise SystemExit(f"a host failed: {said}")
    return max(float(text.rsplit("took ", 1)[1]) for text in said)


if __name__ == "__main__":
    main()
