"""A declaration as the request that makes an algorithm of it at the service (CreateAlgorithm)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from container_toolkit.algorithms.declaration import (
    CATEGORICAL,
    CONTINUOUS,
    FREE_TEXT,
    INTEGER,
    Algorithm,
    Hyperparameter,
    plain,
)
from container_toolkit.algorithms.parsing import LARGEST, LARGEST_WHOLE

if TYPE_CHECKING:
    from collections.abc import Iterator

# The service wants a list and knows no `any`; these are what the algorithms are at home on.
INSTANCE_TYPES = (
    "ml.m5.large",
    "ml.m5.xlarge",
    "ml.m5.2xlarge",
    "ml.m5.4xlarge",
    "ml.c5.xlarge",
    "ml.c5.2xlarge",
    "ml.c5.4xlarge",
)
MOST_METRICS = 40  # of MetricDefinitions
INPUT_MODES = ("File", "FastFile", "Pipe")
RESPONSES = ("text/csv", "application/json", "application/jsonlines")


def request(algorithm: Algorithm, image: str) -> dict[str, Any]:
    """The request's members. Of more metrics than the service takes, the first."""
    metrics = algorithm.metrics[:MOST_METRICS]
    return {
        "AlgorithmName": algorithm.name.replace("_", "-"),
        "AlgorithmDescription": algorithm.summary,
        "TrainingSpecification": {
            "TrainingImage": image,
            "SupportedHyperParameters": list(specifications(algorithm)),
            "SupportedTrainingInstanceTypes": list(INSTANCE_TYPES),
            "SupportsDistributedTraining": True,
            "MetricDefinitions": [{"Name": one.name, "Regex": one.regex} for one in metrics],
            "TrainingChannels": [
                {
                    "Name": channel.name,
                    "Description": channel.meaning,
                    "IsRequired": channel.required,
                    "SupportedContentTypes": list(algorithm.content_types),
                    "SupportedCompressionTypes": ["None", "Gzip"],
                    "SupportedInputModes": list(INPUT_MODES),
                }
                for channel in algorithm.channels
            ],
            "SupportedTuningJobObjectiveMetrics": [
                {"Type": "Maximize" if one.maximize else "Minimize", "MetricName": one.name}
                for one in metrics
            ],
        },
        "InferenceSpecification": {
            "Containers": [{"Image": image}],
            "SupportedTransformInstanceTypes": list(INSTANCE_TYPES),
            "SupportedRealtimeInferenceInstanceTypes": list(INSTANCE_TYPES),
            "SupportedContentTypes": list(algorithm.accepts),
            "SupportedResponseMIMETypes": list(RESPONSES),
        },
    }


def specifications(algorithm: Algorithm) -> Iterator[dict[str, Any]]:
    """One for each name, aliases too: the service refuses what is not in the list."""
    for one in algorithm.hyperparameters:
        yield specification(one, one.name, one.meaning or f"No effect: {one.deprecated}.")
        for alias in one.aliases:
            yield specification(one, alias, f"The same as {one.name}.")


def specification(one: Hyperparameter, name: str, description: str) -> dict[str, Any]:
    found: dict[str, Any] = {
        "Name": name,
        "Description": description,
        "Type": one.kind,
        "IsTunable": one.tunable is not None,
        "IsRequired": one.required,
    }
    if one.kind != FREE_TEXT:
        found["Range"] = range_of(one)
    if one.default is not None:
        found["DefaultValue"] = str(one.default)
    return found


def range_of(one: Hyperparameter) -> dict[str, Any]:
    """Closed at both ends, as the service has them: what is open is checked in the container."""
    if one.kind == CATEGORICAL:
        return {"CategoricalParameterRangeSpecification": {"Values": list(one.choices)}}
    largest = LARGEST_WHOLE if one.kind == INTEGER else LARGEST
    low = -largest if one.range is None or one.range.low is None else one.range.low
    high = largest if one.range is None or one.range.high is None else one.range.high
    member = {INTEGER: "Integer", CONTINUOUS: "Continuous"}[one.kind]
    shown = str if one.kind == CONTINUOUS else plain
    return {
        f"{member}ParameterRangeSpecification": {"MinValue": shown(low), "MaxValue": shown(high)}
    }
