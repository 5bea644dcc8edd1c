"""Every path under the base folder (platform contract, "/opt/ml: what the container finds")."""

from __future__ import annotations

import os

from container_toolkit.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_ROOT = "/opt/ml"


class Layout(Value):
    """The base folder of one host; nothing else joins these paths."""

    root: str = DEFAULT_ROOT

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Layout:
        """`$SAGEMAKER_BASE_DIR`, else /opt/ml."""
        return cls(root=os.path.abspath(environ.get("SAGEMAKER_BASE_DIR") or DEFAULT_ROOT))

    @property
    def code(self) -> str:
        return os.path.join(self.root, "code")

    @property
    def model(self) -> str:
        return os.path.join(self.root, "model")

    @property
    def model_archive(self) -> str:
        return os.path.join(self.root, "model", "model.tar.gz")

    @property
    def checkpoints(self) -> str:
        return os.path.join(self.root, "checkpoints")

    @property
    def input(self) -> str:
        return os.path.join(self.root, "input")

    @property
    def config(self) -> str:
        return os.path.join(self.root, "input", "config")

    @property
    def data(self) -> str:
        return os.path.join(self.root, "input", "data")

    @property
    def output(self) -> str:
        return os.path.join(self.root, "output")

    @property
    def output_data(self) -> str:
        return os.path.join(self.root, "output", "data")

    @property
    def output_intermediate(self) -> str:
        return os.path.join(self.root, "output", "intermediate")

    @property
    def failure(self) -> str:
        return os.path.join(self.root, "output", "failure")

    @property
    def success(self) -> str:
        return os.path.join(self.root, "output", "success")

    def document(self, name: str) -> str:
        """A file of input/config, e.g. `hyperparameters.json`."""
        return os.path.join(self.config, name)

    def channel(self, name: str) -> str:
        """The folder of a channel in File and FastFile mode."""
        return os.path.join(self.data, name)
