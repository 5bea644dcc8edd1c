"""Channels, hosts and instance groups as the program sees them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.conformance.cases import Match, check, parametrised

if TYPE_CHECKING:
    from tests.jobs import Job

G1 = {
    "instance_group_name": "g1",
    "instance_type": "ml.m5.xlarge",
    "hosts": ["algo-1", "algo-2"],
}
G2 = {"instance_group_name": "g2", "instance_type": "ml.p3.2xlarge", "hosts": ["algo-3"]}
TOPOLOGY = {"NetworkNodes": ["nn-1", "nn-2"]}
HETERO = {
    "hosts": ["algo-1", "algo-2", "algo-3"],
    "instance_groups": [G1, G2],
    "network_interface_name": "eth1",
    "topology": TOPOLOGY,
}
ON_G1 = HETERO | {
    "current_host": "algo-1",
    "current_group_name": "g1",
    "current_instance_type": "ml.m5.xlarge",
}
ON_G2 = HETERO | {
    "current_host": "algo-3",
    "current_group_name": "g2",
    "current_instance_type": "ml.p3.2xlarge",
}
SEES_GROUPS = {
    "SM_HOSTS": '["algo-1","algo-2","algo-3"]',
    "SM_INSTANCE_GROUPS": '["g1","g2"]',
    "SM_INSTANCE_GROUPS_DICT": '{"g1":{"hosts":["algo-1","algo-2"],"instance_group_name":"g1",'
    '"instance_type":"ml.m5.xlarge"},"g2":{"hosts":["algo-3"],"instance_group_name":"g2",'
    '"instance_type":"ml.p3.2xlarge"}}',
    "SM_IS_HETERO": "true",
    "SM_NETWORK_INTERFACE_NAME": "eth1",
    "SM_TOPOLOGY": '{"NetworkNodes":["nn-1","nn-2"]}',
}
RESOURCES_ON_G1 = (
    '{"current_group_name":"g1","current_host":"algo-1","current_instance_type":"ml.m5.xlarge",'
    '"hosts":["algo-1","algo-2","algo-3"],"instance_groups":[{"hosts":["algo-1","algo-2"],'
    '"instance_group_name":"g1","instance_type":"ml.m5.xlarge"},{"hosts":["algo-3"],'
    '"instance_group_name":"g2","instance_type":"ml.p3.2xlarge"}],'
    '"network_interface_name":"eth1","topology":{"NetworkNodes":["nn-1","nn-2"]}}'
)
IN_G1 = {"sagemaker_distribution_instance_groups": '["g1"]'}
DISTRIBUTION_FLAGS = (
    "sagemaker_distributed_dataparallel_enabled",
    "sagemaker_multi_worker_mirrored_strategy_enabled",
    "sagemaker_parameter_server_enabled",
    "sagemaker_pytorch_ddp_enabled",
    "sagemaker_pytorch_xla_multi_worker_enabled",
    "sagemaker_torch_distributed_enabled",
)

MATCH = (
    Match(
        id="defaults",
        channels=("train",),
        hyperparameters={"lr": "0.1", "sagemaker_foo": '"bar"'},
        argv=("--lr", "0.1"),
        sees={
            "CURRENT_HOST": "algo-1",
            "SAGEMAKER_JOB_NAME": "",
            "SAGEMAKER_REGION": "",
            "SM_CHANNELS": '["train"]',
            "SM_CHANNEL_TRAIN": "<base>/input/data/train",
            "SM_CURRENT_HOST": "algo-1",
            "SM_CURRENT_INSTANCE_GROUP": "homogeneousCluster",
            "SM_CURRENT_INSTANCE_GROUP_HOSTS": "[]",
            "SM_CURRENT_INSTANCE_TYPE": "local",
            "SM_DISTRIBUTION_INSTANCE_GROUPS": "[]",
            "SM_FRAMEWORK_MODULE": "",
            "SM_FRAMEWORK_PARAMS": '{"sagemaker_foo":"bar"}',
            "SM_HOSTS": '["algo-1"]',
            "SM_HPS": '{"lr":0.1}',
            "SM_HP_LR": "0.1",
            "SM_INPUT_CONFIG_DIR": "<base>/input/config",
            "SM_INPUT_DATA_CONFIG": '{"train":{}}',
            "SM_INPUT_DIR": "<base>/input",
            "SM_INSTANCE_GROUPS": "[]",
            "SM_INSTANCE_GROUPS_DICT": "{}",
            "SM_IS_HETERO": "false",
            "SM_LOG_LEVEL": "20",
            "SM_MODEL_DIR": "<base>/model",
            "SM_MODULE_DIR": "<base>/code",
            "SM_MODULE_NAME": "train",
            "SM_NETWORK_INTERFACE_NAME": "eth0",
            "SM_OUTPUT_DATA_DIR": "<base>/output/data",
            "SM_OUTPUT_DIR": "<base>/output",
            "SM_OUTPUT_INTERMEDIATE_DIR": "<base>/output/intermediate",
            "SM_RESOURCE_CONFIG": '{"current_host":"algo-1","hosts":["algo-1"],'
            '"network_interface_name":"eth0"}',
            "SM_USER_ARGS": '["--lr","0.1"]',
            "SM_USER_ENTRY_POINT": "train.py",
        },
        training_env={
            "additional_framework_parameters": {"sagemaker_foo": "bar"},
            "channel_input_dirs": {"train": "<base>/input/data/train"},
            "current_host": "algo-1",
            "current_instance_group": "homogeneousCluster",
            "current_instance_group_hosts": [],
            "current_instance_type": "local",
            "distribution_hosts": ["algo-1"],
            "distribution_instance_groups": [],
            "framework_module": None,
            "hosts": ["algo-1"],
            "hyperparameters": {"lr": 0.1},
            "input_config_dir": "<base>/input/config",
            "input_data_config": {"train": {}},
            "input_dir": "<base>/input",
            "instance_groups": [],
            "instance_groups_dict": {},
            "is_hetero": False,
            "is_master": True,
            "is_modelparallel_enabled": None,
            "is_smddpmprun_installed": False,
            "is_smddprun_installed": False,
            "job_name": None,
            "log_level": 20,
            "master_hostname": "algo-1",
            "model_dir": "<base>/model",
            "module_dir": "<base>/code",
            "module_name": "train",
            "network_interface_name": "eth0",
            "output_data_dir": "<base>/output/data",
            "output_dir": "<base>/output",
            "output_intermediate_dir": "<base>/output/intermediate",
            "resource_config": {
                "current_host": "algo-1",
                "hosts": ["algo-1"],
                "network_interface_name": "eth0",
            },
            "topology": [],
            "user_entry_point": "train.py",
        },
    ),
    Match(
        id="channels",
        channels=("train", "val-x", "a.b"),
        sees={
            "SM_CHANNELS": '["a.b","train","val-x"]',
            "SM_CHANNEL_TRAIN": "<base>/input/data/train",
            "SM_CHANNEL_VAL-X": "<base>/input/data/val-x",
            "SM_CHANNEL_A.B": "<base>/input/data/a.b",
            "SM_INPUT_DATA_CONFIG": '{"a.b":{},"train":{},"val-x":{}}',
        },
    ),
    Match(
        id="hetero_g1",
        resources=ON_G1,
        hyperparameters=IN_G1,
        sees=SEES_GROUPS
        | {
            "CURRENT_HOST": "algo-1",
            "SM_CURRENT_HOST": "algo-1",
            "SM_CURRENT_INSTANCE_GROUP": "g1",
            "SM_CURRENT_INSTANCE_GROUP_HOSTS": '["algo-1","algo-2"]',
            "SM_CURRENT_INSTANCE_TYPE": "ml.m5.xlarge",
            "SM_DISTRIBUTION_INSTANCE_GROUPS": '["g1"]',
            "SM_FRAMEWORK_PARAMS": '{"sagemaker_distribution_instance_groups":["g1"]}',
            "SM_RESOURCE_CONFIG": RESOURCES_ON_G1,
        },
        training_env={
            "current_instance_group": "g1",
            "current_instance_group_hosts": ["algo-1", "algo-2"],
            "distribution_hosts": ["algo-1", "algo-2"],
            "distribution_instance_groups": ["g1"],
            "instance_groups": ["g1", "g2"],
            "instance_groups_dict": {"g1": G1, "g2": G2},
            "is_hetero": True,
            "is_master": True,
            "master_hostname": "algo-1",
            "topology": TOPOLOGY,
        },
    ),
    Match(
        id="hetero_g2_not_in_distribution",
        resources=ON_G2,
        hyperparameters=IN_G1,
        sees=SEES_GROUPS
        | {
            "CURRENT_HOST": "algo-3",
            "SM_CURRENT_HOST": "algo-3",
            "SM_CURRENT_INSTANCE_GROUP": "g2",
            "SM_CURRENT_INSTANCE_GROUP_HOSTS": '["algo-3"]',
            "SM_CURRENT_INSTANCE_TYPE": "ml.p3.2xlarge",
            "SM_DISTRIBUTION_INSTANCE_GROUPS": '["g1"]',
        },
        training_env={
            "distribution_hosts": ["algo-1", "algo-2"],
            "distribution_instance_groups": ["g1"],
            "is_hetero": True,
            "is_master": False,
            "master_hostname": "algo-1",
        },
    ),
    Match(
        id="multi_host_no_groups",
        resources={
            "current_host": "algo-2",
            "hosts": ["algo-2", "algo-1"],
            "network_interface_name": "eth0",
        },
        sees={
            "SM_HOSTS": '["algo-2","algo-1"]',
            "SM_CURRENT_HOST": "algo-2",
            "SM_CURRENT_INSTANCE_GROUP": "homogeneousCluster",
            "SM_CURRENT_INSTANCE_GROUP_HOSTS": "[]",
            "SM_INSTANCE_GROUPS": "[]",
            "SM_INSTANCE_GROUPS_DICT": "{}",
            "SM_IS_HETERO": "false",
        },
        training_env={
            "distribution_hosts": ["algo-2", "algo-1"],
            "distribution_instance_groups": [],
            "is_master": True,
            "master_hostname": "algo-2",
        },
    ),
    *(
        Match(
            id=f"dist_flag_defaults_group-{flag}",
            resources=ON_G1,
            hyperparameters={flag: "true"},
            # The peer's bare toolkit knows no launcher for these and starts the script as it is.
            env={"CONTAINER_TOOLKIT_FRAMEWORK": "plain"},
            sees={"SM_DISTRIBUTION_INSTANCE_GROUPS": '["g1"]'},
            training_env={
                "distribution_hosts": ["algo-1", "algo-2"],
                "distribution_instance_groups": ["g1"],
                "is_master": True,
            },
        )
        for flag in DISTRIBUTION_FLAGS
    ),
    Match(
        id="dist_flag_defaults_group-none",
        resources=ON_G1,
        sees={"SM_DISTRIBUTION_INSTANCE_GROUPS": "[]"},
    ),
)


@parametrised(MATCH)
def test_match(case: Match, job: Job) -> None:
    check(case, job)
