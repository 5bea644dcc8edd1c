"""S3, through the one client there is: boto3, imported when first needed (extra `s3`)."""

from __future__ import annotations

from container_toolkit.errors import DataError, PlatformError, UserError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, BinaryIO

# Answers of S3 to a request that was all right: only its time was wrong.
PASSING = ("RequestTimeout", "RequestTimeTooSkewed", "ExpiredToken", "OperationAborted")


def split(uri: str) -> tuple[str, str]:
    """`s3://bucket/some/key` -> (bucket, key). Raises UserError."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    if not uri.startswith("s3://") or not bucket:
        raise UserError(f"{uri!r} is no S3 address; write s3://bucket/key.")
    return bucket, key


def download(uri: str, path: str, environ: Mapping[str, str], region: str) -> None:
    """Bring one object into the file `path`.

    Endpoint from S3_ENDPOINT_URL, or from what boto3 itself honours. Raises DataError when it
    isn't there or isn't ours to read, PlatformError when S3 can't be reached or boto3 is not
    installed.
    """
    bucket, key = split(uri)
    client = connect(environ, region)
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        client.download_file(bucket, key, path)
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        raise DataError(f"S3 answered {code} for {uri}: {error}") from None
    except (BotoCoreError, Boto3Error, OSError) as error:
        raise PlatformError(f"{uri} can't be fetched: {error}") from None


def upload(source: BinaryIO, uri: str, client: Any) -> None:
    """Lay the content of `source`, which can be sought in, at `uri`: all of it or nothing.

    `client` is what `connect` gave. What `source` raises while it is read ends the upload, with
    PlatformError. Raises DataError where S3 will have none of it (no such bucket, no right),
    PlatformError where trying again may help.
    """
    bucket, key = split(uri)
    from boto3.exceptions import Boto3Error
    from boto3.s3.transfer import TransferConfig
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        # In this thread: each thread more would hold a part of the file in memory.
        client.upload_fileobj(source, bucket, key, Config=TransferConfig(use_threads=False))
    except ClientError as error:
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        code = error.response.get("Error", {}).get("Code", "")
        lasting = 400 <= status < 500 and status != 429 and code not in PASSING
        kind = DataError if lasting else PlatformError
        raise kind(f"S3 answered {code} for {uri}: {error}") from None
    except (BotoCoreError, Boto3Error, OSError) as error:
        raise PlatformError(f"{uri} can't be written: {error}") from None


def is_installed() -> bool:
    """Whether boto3 is there to be imported."""
    from importlib.util import find_spec

    return find_spec("boto3") is not None


def connect(environ: Mapping[str, str], region: str) -> Any:
    try:
        import boto3
    except ImportError:
        raise PlatformError(
            "s3:// needs boto3: install container-toolkit[s3] into the image."
        ) from None
    return boto3.client(
        "s3",
        endpoint_url=environ.get("S3_ENDPOINT_URL"),
        region_name=region or None,
    )
