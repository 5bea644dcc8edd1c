"""The closest peer's `train`, sagemaker-training 5.1.4, run on a job as ours is."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from tests.jobs import HANG, Ended

if TYPE_CHECKING:
    from tests.jobs import Job

PEER = Path(__file__).parents[2] / ".venv-peer/bin/train"


def run_on_peer(job: Job) -> Ended:
    assert PEER.exists(), f"{PEER} is missing: run benchmarks/peer.sh"
    done = subprocess.run(
        [str(PEER)],
        env=job.environ,
        stdin=subprocess.DEVNULL,
        cwd=job.base,
        capture_output=True,
        timeout=HANG,
        check=False,
    )
    return Ended(job, done.returncode, done.stdout, done.stderr)
