"""What `train` costs before and after the program: wall time and memory, beside the peer's.

    python benchmarks/launch.py [--quick]

The job is one `train.py` that says `pass`; bare is that script run by the same Python. Memory is
the runtime process's own high-water mark (VmHWM), read until it is gone while its program sleeps.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from _side_by_side import OURS, PEER, PYTHON, job, medians, seconds, set_up, verdict

MIB = 1024  # kB, the unit of /proc/PID/status


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="5 repetitions in place of 31")
    repetitions = 5 if parser.parse_args().quick else 31
    set_up()
    with tempfile.TemporaryDirectory() as folder:
        wall(Path(folder), repetitions)
        memory(Path(folder))


def wall(folder: Path, repetitions: int) -> None:
    ours, peers = folder / "ours", folder / "peer"
    env = {name: job(base, "train.py", "pass\n") for name, base in (("o", ours), ("p", peers))}
    script = ours / "code/train.py"
    took = medians(
        {
            "bare": lambda: seconds([PYTHON, script], env["o"], cwd=script.parent),
            "ours": lambda: seconds([OURS], env["o"]),
            "peer": lambda: seconds([PEER], env["p"]),
        },
        repetitions,
    )
    print(f"\n`train` with a `pass` script, median of {repetitions}, in turns")
    for name, time_taken in took.items():
        print(f"  {name:<6}{time_taken * 1000:8.1f} ms {time_taken / took['bare']:7.1f} x bare")
    verdict("ours against the bare script", took["ours"] / took["bare"], "x", 4)
    verdict("times faster than the peer", took["peer"] / took["ours"], "x", 8, at_least=True)


def memory(folder: Path) -> None:
    print("\npeak memory of the runtime process (VmHWM), 3 runs, the largest")
    peaks = {}
    for name, argv in (("ours", OURS), ("peer", PEER)):
        env = job(folder / f"sleeps-{name}", "train.py", "import time\ntime.sleep(0.5)\n")
        peaks[name] = max(high_water_mark(argv, env) for _ in range(3))
        print(f"  {name:<6}{peaks[name]:8.1f} MiB")
    verdict("ours", peaks["ours"], "MiB", 16)


def high_water_mark(argv: Path, env: dict[str, str]) -> float:
    """The largest VmHWM of the process, in MiB; it only grows, so the last one read is the peak.

    `ru_maxrss` would not do: it is inherited over exec from whoever measures.
    """
    process = subprocess.Popen(
        [str(argv)],
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    peak = 0
    while process.poll() is None:
        with open(f"/proc/{process.pid}/status") as status:
            for line in status:
                if line.startswith("VmHWM:"):
                    peak = max(peak, int(line.split()[1]))
        time.sleep(0.0005)
    if process.returncode:
        sys.exit(f"{argv} ended with {process.returncode}")
    return peak / MIB


if __name__ == "__main__":
    main()
