"""Coverage-guided fuzzing of the decoders: `make fuzz`, or here

    python -m tests.content_types.fuzz NAME SECONDS

NAME is that of a module `fuzz_NAME`, whose `check(data)` raises AssertionError where a decoder does
anything but read those bytes right or say with a DataError why it can't, and whose `seeds()` are
what mutation starts from. A crash, a hang of ten seconds or 6 GB of memory, of which atheris itself
gathers some, ends the run with the bytes that did it in a file `crash-…` of the current folder.
Wants atheris.
"""

from __future__ import annotations

import importlib
import sys
import tempfile
from pathlib import Path

import atheris

HERE = Path(__file__).parent
LONGEST = 4096  # bytes: long enough for several records of each format


def main(name: str, seconds: int) -> None:
    with atheris.instrument_imports(include=["container_toolkit"]):
        target = importlib.import_module(f"tests.content_types.fuzz_{name}")
    corpus = Path(tempfile.mkdtemp(prefix=f"fuzz-{name}-"))
    for number, seed in enumerate(target.seeds()):
        (corpus / f"seed-{number}").write_bytes(seed)
    options = (f"-max_total_time={seconds}", f"-max_len={LONGEST}", "-timeout=10")
    quiet = ("-rss_limit_mb=6144", "-verbosity=1", "-print_final_stats=1")
    atheris.Setup([f"fuzz_{name}", *options, *quiet, str(corpus)], target.check)
    atheris.Fuzz()


def names() -> list[str]:
    return sorted(path.stem.removeprefix("fuzz_") for path in HERE.glob("fuzz_*.py"))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
