"""`Environment()` with the peer's properties, read from the job as `train` reads it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from container_toolkit.contract import variables
from container_toolkit.contract.arguments import to_arguments
from container_toolkit.contract.environment import TrainingEnvironment

# The peer's paths, as attributes of this module: from which folder, by the name `Layout` has.
PATHS = {
    **{f"{name}_dir": name for name in ("code", "model", "input", "output", "output_data")},
    "input_config_dir": "config",
    "output_intermediate_dir": "output_intermediate",
}


class Environment(Mapping[str, Any]):
    """All 37 properties of the peer's: `env.hosts`, `env["hosts"]`, `dict(env)`.

    Raises ConfigError where a document of input/config is not valid.
    """

    def __init__(self) -> None:
        self._env = env = TrainingEnvironment.load()
        given = env.settings.get("SM_USER_ENTRY_POINT") or env.settings.get("SAGEMAKER_PROGRAM")
        program = given or env.hyperparameters.reserved.get("sagemaker_program")
        self._exported = variables.describe(
            env, program, env.settings.get("SM_FRAMEWORK_MODULE", "")
        )
        self._properties: dict[str, Any] = self._exported["SM_TRAINING_ENV"]

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["_properties"][name]
        except KeyError:
            raise AttributeError(f"Environment has no property {name!r}") from None

    def __getitem__(self, name: str) -> Any:
        return self._properties[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._properties)

    def __len__(self) -> int:
        return len(self._properties)

    def sagemaker_s3_output(self) -> str | None:
        return self._env.hyperparameters.reserved.get("sagemaker_s3_output")

    def to_cmd_args(self) -> list[str]:
        return list(to_arguments(self._env.hyperparameters.user))

    def to_env_vars(self) -> dict[str, str]:
        function = self._env.settings.get("SM_FRAMEWORK_MODULE", "")
        made = variables.to_variables(self._env, self._properties["user_entry_point"], function)
        texts = {**made.environ, **made.spilled}
        named = (n for n in texts if n in self._exported or n.startswith(("SM_HP_", "SM_CHANNEL_")))
        return {name: texts[name] for name in named}


def read_hyperparameters() -> dict[str, Any]:
    parameters = TrainingEnvironment.load().hyperparameters
    return {**parameters.reserved, **parameters.framework, **parameters.user}


def read_resource_config() -> dict[str, Any]:
    return dict(TrainingEnvironment.load().resource_document)


def read_input_data_config() -> dict[str, Any]:
    return dict(TrainingEnvironment.load().input_data_document)


def channel_path(channel: str) -> str:
    return TrainingEnvironment.load().layout.channel(channel)


def num_cpus() -> int:
    return TrainingEnvironment.load().machine.cpus


def num_gpus() -> int:
    return TrainingEnvironment.load().machine.gpus


def __getattr__(name: str) -> str:
    if name not in PATHS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return str(getattr(TrainingEnvironment.load().layout, PATHS[name]))
