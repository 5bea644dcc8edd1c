"""checkpointconfig.json, both directions, and the names beside a checkpoint that the service minds.

The service copies the folder to S3 while the job runs, and back when the job starts again.
"""

from __future__ import annotations

import os

from container_toolkit.contract import documents
from container_toolkit.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from container_toolkit.contract.layout import Layout

FILE = "checkpointconfig.json"

# A file of this suffix is not uploaded: it is being written.
UNFINISHED_SUFFIX = ".sagemaker-ignore"
# Empty files that the service puts beside one it has begun, and then finished, to upload. One
# deleted in between would fail the upload.
UPLOADING_SUFFIX = ".sagemaker-uploading"
UPLOADED_SUFFIX = ".sagemaker-uploaded"


def load(layout: Layout) -> str:
    """The folder of the job's checkpoints; "" where the job keeps none.

    It is the document's LocalPath. Without a document it is the default folder where somebody made
    one, as the platform and whoever mounts a volume there do. Raises ConfigError.
    """
    path = layout.document(FILE)
    document = documents.read(path)
    if document is None:
        return layout.checkpoints if os.path.isdir(layout.checkpoints) else ""
    folder = documents.text_field(document, "LocalPath", path, layout.checkpoints)
    if not os.path.isabs(folder):
        raise ConfigError(f"{path}: 'LocalPath' {folder!r} must be an absolute path.")
    return os.path.normpath(folder)


def dump(folder: str, layout: Layout) -> None:
    documents.write(layout.document(FILE), {"LocalPath": folder})


def is_uploading(path: str) -> bool:
    """Whether the service is copying the file right now."""
    return os.path.exists(path + UPLOADING_SUFFIX) and not os.path.exists(path + UPLOADED_SUFFIX)
