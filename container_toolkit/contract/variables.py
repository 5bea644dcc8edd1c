"""The environment a program is given: `SM_*` in the training toolkit's dialect, and our aliases.

Which variables there are stands in `tables`; here is how each gets its value.
"""

from __future__ import annotations

import json
import os

from container_toolkit.contract.arguments import LONGEST, to_arguments
from container_toolkit.errors import ConfigError
from container_toolkit.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from container_toolkit.contract.environment import TrainingEnvironment

# Where one of these grows beyond what Linux lets a variable hold, it becomes a file, named by
# the variable with this suffix: each repeats all hyperparameters, which alone may be 250 KB.
SPILLED = ("SM_HPS", "SM_TRAINING_ENV", "SM_USER_ARGS", "SM_FRAMEWORK_PARAMS")
FILE_SUFFIX = "_FILE"


class Variables(Value):
    """`environ` is the program's whole environment; `spilled` holds the text of those variables
    that are too long for one and become files; `warnings` are sentences about name clashes."""

    environ: Mapping[str, str]
    spilled: Mapping[str, str]
    warnings: tuple[str, ...] = ()


def to_variables(env: TrainingEnvironment, entry_point: str | None, function: str) -> Variables:
    """The variables for a program named `entry_point` (None for none), or for `function`."""
    own = describe(env, entry_point, function)
    warnings: list[str] = []
    named("SM_CHANNEL_", {name: c.path for name, c in env.channels.items()}, own, warnings)
    named("SM_HP_", env.hyperparameters.user, own, warnings)
    texts = {name: encode(name, value) for name, value in own.items()}
    spilled = {}
    for name in SPILLED:
        if len(texts[name]) + len(name) + 1 > LONGEST:
            spilled[name] = texts.pop(name)
    for name, text in texts.items():
        if len(text) * 4 > LONGEST and len(os.fsencode(f"{name}={text}")) > LONGEST:
            raise ConfigError(
                f"{name} would need {len(text)} bytes, but Linux lets a variable have {LONGEST};"
                " shorten what it is made of, or pass it as a file in a channel."
            )
    environ = {**env.settings, "PYTHONUNBUFFERED": "1", **texts}
    return Variables(environ=environ, spilled=spilled, warnings=tuple(warnings))


def named(prefix: str, values: Mapping[str, Any], own: dict[str, Any], warnings: list[str]) -> None:
    """One variable a key: its name in upper case; where that is no shell identifier, an alias too.

    Two keys that differ only in case end in one variable: the later wins, as in the peer, and a
    warning says so. An alias never takes a name that a key has by right.
    """
    owner: dict[str, str] = {}
    for key, value in values.items():
        name = prefix + key.upper()
        if name in owner:
            warnings.append(f"{owner[name]!r} and {key!r} both become {name}; it holds {key!r}.")
        owner[name] = key
        own[name] = value
    for key, value in values.items():
        alias = shell_safe(prefix + key.upper())
        if alias in owner:
            if owner[alias] != key and alias != prefix + key.upper():
                warnings.append(f"{alias} holds {owner[alias]!r}, so {key!r} gets no alias.")
            continue
        owner[alias] = key
        own[alias] = value


def shell_safe(name: str) -> str:
    """`SM_HP_LEARNING-RATE` as a shell can read it: `SM_HP_LEARNING_RATE`."""
    return "".join(c if c.isascii() and c.isalnum() else "_" for c in name)


def encode(name: str, value: Any) -> str:
    """Text as it is, None as nothing, all else as compact sorted JSON."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"))
    except RecursionError:
        raise ConfigError(f"{name} would be nested too deeply; flatten the value.") from None


def describe(env: TrainingEnvironment, entry_point: str | None, function: str) -> dict[str, Any]:
    """All variables but those named after a channel or a hyperparameter."""
    variables = of_host(env) | of_job(env, entry_point, function)
    variables["SM_TRAINING_ENV"] = training_env(env, variables, entry_point, function)
    return variables


def of_host(env: TrainingEnvironment) -> dict[str, Any]:
    """Cluster, machine and folders."""
    layout, cluster, machine = env.layout, env.cluster, env.machine
    groups = env.resource_document.get("instance_groups") or []
    topology = {"SM_TOPOLOGY": cluster.topology} if cluster.topology else {}
    return {
        "CURRENT_HOST": cluster.current_host,
        "SAGEMAKER_REGION": env.region,
        "SM_HOSTS": list(cluster.hosts),
        "SM_CURRENT_HOST": cluster.current_host,
        "SM_NETWORK_INTERFACE_NAME": cluster.network_interface,
        "SM_CURRENT_INSTANCE_TYPE": cluster.current_instance_type,
        "SM_CURRENT_INSTANCE_GROUP": cluster.current_group,
        "SM_CURRENT_INSTANCE_GROUP_HOSTS": list(cluster.group_hosts(cluster.current_group)),
        "SM_INSTANCE_GROUPS": [group.name for group in cluster.groups],
        "SM_INSTANCE_GROUPS_DICT": {group["instance_group_name"]: group for group in groups},
        "SM_DISTRIBUTION_INSTANCE_GROUPS": env.distribution_groups,
        "SM_IS_HETERO": len(cluster.groups) > 1,
        "SM_RESOURCE_CONFIG": env.resource_document,
        "SM_MODEL_DIR": layout.model,
        "SM_INPUT_DIR": layout.input,
        "SM_INPUT_CONFIG_DIR": layout.config,
        "SM_OUTPUT_DIR": layout.output,
        "SM_OUTPUT_DATA_DIR": layout.output_data,
        "SM_OUTPUT_INTERMEDIATE_DIR": layout.output_intermediate,
        "SM_NUM_CPUS": machine.cpus,
        "SM_NUM_GPUS": machine.gpus,
        "SM_NUM_NEURONS": machine.neurons,
        **topology,
    }


def of_job(env: TrainingEnvironment, entry_point: str | None, function: str) -> dict[str, Any]:
    """Hyperparameters, channels and program."""
    layout = env.layout
    user = env.hyperparameters.user
    return {
        "SAGEMAKER_JOB_NAME": str(env.hyperparameters.reserved.get("sagemaker_job_name") or ""),
        "SM_HPS": user,
        "SM_USER_ARGS": list(to_arguments(user)),
        "SM_FRAMEWORK_PARAMS": env.hyperparameters.framework,
        "SM_INPUT_DATA_CONFIG": env.input_data_document,
        "SM_CHANNELS": list(env.channels),
        "SM_MODULE_NAME": module_name(entry_point),
        "SM_MODULE_DIR": env.submit_directory or layout.code,
        "SM_USER_ENTRY_POINT": entry_point,
        "SM_FRAMEWORK_MODULE": function,
        "SM_LOG_LEVEL": env.log_level,
    }


def module_name(entry_point: str | None) -> str:
    """The program without `.py`; the peer says `None` where there is none."""
    name = str(entry_point)
    return name[:-3] if name.endswith(".py") else name


def training_env(
    env: TrainingEnvironment, own: Mapping[str, Any], entry_point: str | None, function: str
) -> dict[str, Any]:
    """The 37 properties of the peer's environment, as one object."""
    path = env.settings.get("PATH", os.defpath)
    model_parallel = env.settings.get("SM_HP_MP_PARAMETERS")
    members = {
        "additional_framework_parameters": own["SM_FRAMEWORK_PARAMS"],
        "channel_input_dirs": {name: channel.path for name, channel in env.channels.items()},
        "distribution_hosts": env.distribution_hosts,
        "framework_module": function or None,
        "hyperparameters": own["SM_HPS"],
        "is_master": env.cluster.current_host == env.master,
        "is_modelparallel_enabled": model_parallel and model_parallel != "{}",
        "is_smddpmprun_installed": on_path("smddpmprun", path),
        "is_smddprun_installed": on_path("smddprun", path),
        "job_name": env.job_name or None,
        "master_hostname": env.master,
        "topology": env.cluster.topology or [],
        "user_entry_point": entry_point,
    }
    same = (
        *("current_host", "current_instance_group", "current_instance_group_hosts"),
        *("current_instance_type", "distribution_instance_groups", "hosts", "input_config_dir"),
        *("input_data_config", "input_dir", "instance_groups", "instance_groups_dict"),
        *("is_hetero", "log_level", "model_dir", "module_dir", "module_name"),
        *("network_interface_name", "num_cpus", "num_gpus", "num_neurons", "output_data_dir"),
        *("output_dir", "output_intermediate_dir", "resource_config"),
    )
    return members | {name: own[f"SM_{name.upper()}"] for name in same}


def on_path(name: str, path: str) -> bool:
    return any(os.access(os.path.join(folder, name), os.X_OK) for folder in path.split(":"))
