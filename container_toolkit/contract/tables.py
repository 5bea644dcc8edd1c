"""Every environment variable the toolkit reads or exports: one table, docs made from it.

Not imported where a program is launched: it is for people, `docs/reference/variables.md` and the
test that holds the code to it.
"""

from __future__ import annotations

from container_toolkit.value import Value


class Variable(Value):
    """`default`: what holds where it is not set ("" for nothing)."""

    name: str
    meaning: str
    default: str = ""


def v(name: str, meaning: str, default: str = "") -> Variable:
    return Variable(name=name, meaning=meaning, default=default)


READ_CONTRACT = (
    v("SAGEMAKER_BASE_DIR", "The base folder.", "/opt/ml"),
    v("SAGEMAKER_TRAINING_MODULE", "`module:function` to call; comes before any program."),
    v(
        "SAGEMAKER_PROGRAM",
        "The program: a file of the code folder, or an absolute path in the image. Comes before"
        " the hyperparameter `sagemaker_program`.",
    ),
    v(
        "SAGEMAKER_SUBMIT_DIRECTORY",
        "Where the code comes from (folder, tar, `s3://`), unless the hyperparameter"
        " `sagemaker_submit_directory` says so.",
    ),
    v(
        "SAGEMAKER_CONTAINER_LOG_LEVEL",
        "Level of the runtime's own lines, a number or a name, unless the hyperparameter"
        " `sagemaker_container_log_level` says so.",
        "20 (INFO)",
    ),
    v("TRAINING_JOB_NAME", "The job's name; its presence means that a service packs the model."),
    v("TRAINING_JOB_ARN", "The job's ARN; its presence means the same."),
    v("AWS_REGION", "The region, unless the hyperparameter `sagemaker_region` says so."),
    v("SAGEMAKER_REGION", "The region where AWS_REGION is not set."),
    v("AWS_DEFAULT_REGION", "The region where neither is set."),
    v(
        "S3_ENDPOINT_URL",
        "The S3 endpoint that code is fetched from, and intermediate output goes to.",
        "boto3's own",
    ),
    v("SM_HP_MP_PARAMETERS", "Model-parallel parameters of the SDK; told in SM_TRAINING_ENV."),
    v("SM_STUDIO_LOCAL_MODE", "`true`: other hosts' names are not waited for."),
    v("PATH", "Where programs, `uv`, `nvidia-smi` and `neuron-ls` are looked for."),
)

READ_OURS = (
    v(
        "CONTAINER_TOOLKIT_COMMAND",
        "The image's command line, for images without a program file: words as in a shell, or a"
        " JSON list. Passed on untouched; comes after a command given to `train --`.",
    ),
    v("CONTAINER_TOOLKIT_ALGORITHM", "A built-in algorithm; the last resort of what runs."),
    v("CONTAINER_TOOLKIT_FRAMEWORK", "The launcher, by name.", "plain"),
    v(
        "CONTAINER_TOOLKIT_STOP_GRACE",
        "Seconds between SIGTERM and SIGKILL for the program.",
        "110 (the service allows 120)",
    ),
    v(
        "CONTAINER_TOOLKIT_MEMORY_CAP",
        "Memory the program may use: bytes, `512M`, `80%`, or `off`. The program finds the bytes"
        " that hold here.",
        "the container's limit, else the machine's memory, less the reserve",
    ),
    v(
        "CONTAINER_TOOLKIT_MEMORY_RESERVE",
        "Memory kept out of the cap: bytes, `512M`, `5%`, or `off`.",
        "min(256 MiB, 5 %) of a container's limit; max(512 MiB, 5 %) of a machine",
    ),
    v(
        "CONTAINER_TOOLKIT_HYPERPARAMETERS",
        "`exact`: what looks like a number but would be written otherwise (`1.10`, `1e5`,"
        " `1234567e12`) stays the text it is; `sagemaker`: it becomes the number, as in the peers.",
        "sagemaker",
    ),
    v(
        "CONTAINER_TOOLKIT_EXIT_CODE",
        "`own`: the program's own exit code; `one`: 1 for any failure of it, as in the peers.",
        "own",
    ),
    v("CONTAINER_TOOLKIT_PEER_TIMEOUT", "Seconds to wait for the names of other hosts.", "900"),
    v(
        "CONTAINER_TOOLKIT_INTERMEDIATE_TIMEOUT",
        "Seconds that bringing the last of output/intermediate to S3 may take after the program's"
        " end; a stop's grace counts too.",
        "30",
    ),
    v(
        "CONTAINER_TOOLKIT_PACK_MODEL",
        "`always`, `never`, or `auto`: pack where no service started the job.",
        "auto",
    ),
)

READ_HOST = (
    v(
        "CONTAINER_TOOLKIT_ENGINE",
        "The container engine's command.",
        "docker, else podman: the first that answers",
    ),
)

EXPORTED = (
    v("SM_HOSTS", "JSON list: all hosts, as the service lists them."),
    v("SM_CURRENT_HOST", "This host."),
    v("SM_NETWORK_INTERFACE_NAME", "The interface hosts talk over.", "eth0"),
    v("SM_CURRENT_INSTANCE_TYPE", "This host's instance type.", "local"),
    v("SM_CURRENT_INSTANCE_GROUP", "This host's instance group.", "homogeneousCluster"),
    v("SM_CURRENT_INSTANCE_GROUP_HOSTS", "JSON list: hosts of this group.", "[]"),
    v("SM_INSTANCE_GROUPS", "JSON list: names of all groups.", "[]"),
    v("SM_INSTANCE_GROUPS_DICT", "JSON object: group name to group.", "{}"),
    v("SM_DISTRIBUTION_INSTANCE_GROUPS", "JSON list: groups training is distributed over.", "[]"),
    v("SM_IS_HETERO", "`true` with more than one instance group.", "false"),
    v("SM_TOPOLOGY", "JSON: the topology, on UltraServers only."),
    v("SM_HPS", "JSON object: the user's hyperparameters, decoded."),
    v("SM_HP_<NAME>", "One hyperparameter; and an alias that a shell can read, where they differ."),
    v("SM_USER_ARGS", "JSON list: the hyperparameters as arguments."),
    v("SM_FRAMEWORK_PARAMS", "JSON object: `sagemaker_*` hyperparameters of launchers."),
    v("SM_RESOURCE_CONFIG", "JSON object: resourceconfig.json."),
    v("SM_INPUT_DATA_CONFIG", "JSON object: inputdataconfig.json."),
    v("SM_CHANNELS", "JSON list: channel names, sorted."),
    v("SM_CHANNEL_<NAME>", "A channel's folder; and an alias that a shell can read."),
    v("SM_MODEL_DIR", "Where the model goes.", "/opt/ml/model"),
    v("SM_INPUT_DIR", "Input.", "/opt/ml/input"),
    v("SM_INPUT_CONFIG_DIR", "The service's documents.", "/opt/ml/input/config"),
    v("SM_OUTPUT_DIR", "Output.", "/opt/ml/output"),
    v("SM_OUTPUT_DATA_DIR", "Other artifacts.", "/opt/ml/output/data"),
    v("SM_OUTPUT_INTERMEDIATE_DIR", "Intermediate output.", "/opt/ml/output/intermediate"),
    v("SM_MODULE_NAME", "The program without `.py`; `None` where there is none."),
    v("SM_MODULE_DIR", "Where the code came from, else the code folder."),
    v("SM_USER_ENTRY_POINT", "The program as it was named."),
    v("SM_FRAMEWORK_MODULE", "`module:function`, where one was named."),
    v("SM_LOG_LEVEL", "The log level as a number.", "20"),
    v("SM_NUM_CPUS", "CPUs this container may use: affinity and quota counted."),
    v("SM_NUM_GPUS", "GPUs."),
    v("SM_NUM_NEURONS", "Neuron cores."),
    v("SM_TRAINING_ENV", "JSON object: all of the above."),
    v("SM_HPS_FILE", "A file with SM_HPS, where that is too long for a variable (131,071 bytes)."),
    v("SM_TRAINING_ENV_FILE", "The same for SM_TRAINING_ENV."),
    v("SM_USER_ARGS_FILE", "The same for SM_USER_ARGS."),
    v("SM_FRAMEWORK_PARAMS_FILE", "The same for SM_FRAMEWORK_PARAMS."),
    v("SAGEMAKER_JOB_NAME", "Hyperparameter `sagemaker_job_name`."),
    v("SAGEMAKER_REGION", "The region."),
    v("CURRENT_HOST", "This host."),
    v("PYTHONUNBUFFERED", "So that lines come when they are printed.", "1"),
)

# By launcher. An image's or a job's own value comes before ours, but for TF_CONFIG, DMLC_* and
# PS_VERBOSE, which say what the launcher is about to start.
LAUNCHERS = {
    "pytorch": (
        v("MASTER_ADDR", "The leader's name.", "the first host"),
        v("MASTER_PORT", "Its port for a process group.", "7777"),
        v("NCCL_SOCKET_IFNAME", "The interface hosts talk over."),
        v("GLOO_SOCKET_IFNAME", "The same."),
        v("NCCL_IB_DISABLE", "InfiniBand is not looked for.", "1"),
        v("NCCL_DEBUG", "What NCCL tells.", "WARN"),
        v("TORCH_ELASTIC_SHUTDOWN_TIMEOUT", "Seconds torchrun leaves its ranks to end.", "110"),
        v(
            "TORCH_DISABLE_SHARE_RDZV_TCP_STORE",
            "Ranks started again have a store of their own.",
            "1",
        ),
        v("OMP_NUM_THREADS", "With several ranks on a host: each one's share of the CPUs."),
    ),
    "tensorflow": (
        v("TF_CONFIG", "JSON: the cluster, and this task, where one was asked for."),
        v("TF_CPP_MIN_LOG_LEVEL", "Its own chatter is left out.", "1"),
    ),
    "mxnet": (
        v("DMLC_ROLE", "`worker`; beside it `server`s and the `scheduler`."),
        v("DMLC_NUM_WORKER", "Hosts."),
        v("DMLC_NUM_SERVER", "Hosts."),
        v("DMLC_PS_ROOT_URI", "The leader's name."),
        v("DMLC_PS_ROOT_PORT", "The scheduler's port: hyperparameter `_ps_port`.", "8000"),
        v("DMLC_INTERFACE", "The interface hosts talk over."),
        v("DMLC_USE_KUBERNETES", "The scheduler's and servers': names are enough.", "1"),
        v("PS_VERBOSE", "How much ps-lite tells: hyperparameter `_ps_verbose`.", "0"),
    ),
    "sklearn": (
        v("LOKY_MAX_CPU_COUNT", "joblib's processes: the container's CPUs."),
        v("GOTO_NUM_THREADS", "OpenBLAS's threads: the same."),
        v("OMP_THREAD_LIMIT", "OpenMP's threads: the same."),
    ),
    "mpi": (
        v("OMPI_ALLOW_RUN_AS_ROOT", "A container's program often is root.", "1"),
        v("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "The same.", "1"),
        v("OMPI_MCA_pml", "How messages are passed.", "ob1"),
        v("OMPI_MCA_btl", "Networks that are not looked for.", "^openib,ofi,uct"),
        v("OMPI_MCA_btl_vader_single_copy_mechanism", "Containers may not ptrace.", "none"),
        v("OMPI_MCA_orte_abort_on_non_zero_status", "A rank that fails ends all.", "1"),
        v("OMPI_MCA_hwloc_base_binding_policy", "Ranks are not tied to CPUs.", "none"),
        v("OMPI_MCA_rmaps_base_mapping_policy", "Ranks are counted host by host.", "slot"),
        v("OMPI_MCA_mpi_yield_when_idle", "A rank that waits leaves the CPU to others.", "1"),
        v("OMPI_MCA_btl_tcp_if_include", "On several hosts: the interface they talk over."),
        v("OMPI_MCA_oob_tcp_if_include", "On several hosts: the same."),
        v("OMPI_MCA_plm_rsh_no_tree_spawn", "On several hosts: the leader starts all.", "1"),
        v("OMPI_MCA_plm", "On one host: there is no ssh to look for.", "isolated"),
        v("NCCL_SOCKET_IFNAME", "The interface hosts talk over."),
        v("NCCL_DEBUG", "What NCCL tells: `--NCCL_DEBUG` among the job's options.", "WARN"),
        v("OMP_NUM_THREADS", "With several ranks on a host: each one's share of the CPUs."),
    ),
}
