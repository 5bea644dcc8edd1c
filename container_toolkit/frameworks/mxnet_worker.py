"""`python -m container_toolkit.frameworks.mxnet_worker [-m] PROGRAM …`: one that fails also ends.

As Python ends, MXNet's distributed kvstore meets the other workers once more: a program that has
failed would wait there for workers which wait for it. It ends at once instead.
"""

from __future__ import annotations

import os
import runpy
import sys
import traceback

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType


OURS = (__file__, runpy.__file__, "<frozen runpy>")


def run(argv: list[str]) -> None:
    """As `python [-m] PROGRAM …` would; comes back where the program ends well."""
    as_module = argv[0] == "-m"
    sys.argv = argv[1:] if as_module else argv
    name = sys.argv[0]
    try:
        if as_module:
            runpy.run_module(name, run_name="__main__", alter_sys=True)
        else:
            sys.path[0] = os.path.dirname(os.path.abspath(name))
            runpy.run_path(name, run_name="__main__")
    except SystemExit as end:
        if end.code is None or end.code == 0:
            return
        if not isinstance(end.code, int):
            sys.stderr.write(f"{end.code}\n")
        leave(end.code if isinstance(end.code, int) else 1)
    except Exception as error:
        traceback.print_exception(type(error), error, users_part(error.__traceback__))
        leave(1)


def users_part(trace: TracebackType | None) -> TracebackType | None:
    """From the program's own first line on."""
    while trace is not None and trace.tb_frame.f_code.co_filename in OURS:
        trace = trace.tb_next
    return trace


def leave(code: int) -> None:
    """No finalizer, no function registered for the end: the kvstore's is among them."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            continue
    os._exit(code & 0xFF)


if __name__ == "__main__":
    run(sys.argv[1:])
