"""`python -m container_toolkit.algorithms NAME`: trains one of the programs we ship.

How it ends is its exit code and the last line of stderr: `UserError: …` and 1, `AlgorithmError: …`
and 2 after a traceback, `PlatformError: …` and 3.
"""

from __future__ import annotations

import os
import sys
import traceback
from typing import TYPE_CHECKING

from container_toolkit import algorithms
from container_toolkit.errors import AlgorithmError, PlatformError, ToolkitError, UserError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import NoReturn

USAGE = "usage: python -m container_toolkit.algorithms NAME\n"
ASKED_BY = "the algorithm to train (variable CONTAINER_TOOLKIT_ALGORITHM)"


def main() -> NoReturn:
    sys.exit(run(sys.argv[1:], os.environ))


def run(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """The exit code."""
    if len(argv) != 1 or argv[0].startswith("-"):
        sys.stderr.write(USAGE)
        return UserError.exit_code
    try:
        train(argv[0], environ)
    except UserError as error:
        return ended(UserError, str(error))
    except ToolkitError as error:
        kind = PlatformError if isinstance(error, PlatformError) else AlgorithmError
        return ended(kind, str(error))
    except ModuleNotFoundError as error:
        return missing(error)
    except MemoryError as error:
        traceback.print_exc()
        return ended(PlatformError, f"out of memory; give the job more, or less data ({error})")
    except Exception as error:
        traceback.print_exc()
        return ended(AlgorithmError, f"{type(error).__name__}: {error}")
    return 0


def train(name: str, environ: Mapping[str, str]) -> None:
    """Check the job and train; raises ToolkitErrors, and whatever a bug does."""
    algorithm = algorithms.get(name, ASKED_BY)
    from container_toolkit.algorithms import validation
    from container_toolkit.contract.environment import TrainingEnvironment

    job = validation.job(algorithm, TrainingEnvironment.load(environ=environ))
    for warning in job.warnings:
        sys.stderr.write(f"WARNING: {one_line(warning)}\n")
    algorithms.function(algorithm.train)(job)


def missing(error: ModuleNotFoundError) -> int:
    """A library that is not installed is the user's to add; a module of ours is a bug."""
    name = error.name or str(error)
    if name.partition(".")[0] == "container_toolkit":
        traceback.print_exc()
        return ended(AlgorithmError, f"{type(error).__name__}: {error}")
    return ended(
        UserError,
        f"the module {name} is not installed; what the algorithms need comes with"
        " `pip install container-toolkit[algorithms]`",
    )


def ended(kind: type[ToolkitError], message: str) -> int:
    sys.stdout.flush()
    sys.stderr.write(f"{kind.__name__}: {one_line(message)}\n")
    return kind.exit_code


def one_line(text: str) -> str:
    return " ".join(text.split())


if __name__ == "__main__":
    main()
