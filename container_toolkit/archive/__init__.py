"""Archives, true without SageMaker: a folder into one tar.gz, and a tar from anyone into a folder.

Not here: which folder is packed, and when (training.model), and where an archive comes from.
"""

from __future__ import annotations

from container_toolkit.archive.packing import Packed, pack
from container_toolkit.archive.unpacking import unpack

__all__ = ["Packed", "pack", "unpack"]
