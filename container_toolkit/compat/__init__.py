"""The peers' import names, for programs that ask for them: reading the job, nothing else.

`sagemaker_training.environment` and `sagemaker_containers` can be imported after
`container_toolkit.compat.install()`, or anywhere in an image whose Dockerfile says
`RUN python3 -m container_toolkit.compat`. The real packages, where they are installed, come first:
names of ours are looked for after all others.
"""

from __future__ import annotations

import os
import sys

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "names")


def install() -> None:
    """For this process."""
    if FOLDER not in sys.path:
        sys.path.append(FOLDER)
