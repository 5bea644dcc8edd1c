"""Files of output/intermediate go to S3 while the program runs, and never at the job's cost."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.jobs import HANG, TRAIN, Ended, Job
from tests.object_store import Front

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator

    from tests.object_store import ObjectStore

PROLOGUE = """
import os, signal, sys, time
from pathlib import Path

folder = Path(os.environ["SM_OUTPUT_INTERMEDIATE_DIR"])
base = Path(os.environ["SAGEMAKER_BASE_DIR"])

def wait(name):  # until the test makes this file
    while not (base / name).exists():
        time.sleep(0.01)

"""


class Synced:
    """A job whose intermediate output goes to a place of its own in the store."""

    def __init__(self, job: Job, store: ObjectStore, program: str) -> None:
        self.job, self.store = job, store
        self.name = f"job-{uuid.uuid4().hex[:8]}"
        self.prefix = f"prefix/{self.name}/output/intermediate/"
        job.program(PROLOGUE + program).env(**store.environ, TRAINING_JOB_NAME=self.name)
        job.hyperparameters(sagemaker_program="train.py", sagemaker_s3_output="s3://bucket/prefix/")

    def get(self, name: str) -> bytes | None:
        return self.store.get(f"/bucket/{self.prefix}{name}")

    def names(self) -> list[str]:
        return self.store.names(self.prefix)

    def make(self, name: str) -> None:
        (self.job.base / name).touch()


def until(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + HANG
    while not what():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.05)


@contextlib.contextmanager
def started(job: Job) -> Iterator[subprocess.Popen[bytes]]:
    """`train` under way; stopped, with all that belongs to it, where the test fails."""
    with job.start() as process:
        try:
            yield process
        finally:
            process.terminate()


def ended(job: Job, process: subprocess.Popen[bytes]) -> Ended:
    stdout, stderr = process.communicate(timeout=HANG)
    return Ended(job, process.returncode, stdout, stderr)


def test_a_file_is_in_s3_while_the_program_runs(job: Job, s3: ObjectStore) -> None:
    synced = Synced(job, s3, "(folder / 'early').write_text('now')\nwait('go')\n")
    with started(job) as process:
        until(lambda: synced.get("early") == b"now")
        assert process.poll() is None
        synced.make("go")
        done = ended(job, process)
    assert done.returncode == 0, done
    assert "1 files of" in done.stderr
    assert "WARNING" not in done.stderr.replace("WARNING: the program saved", ""), done


def test_a_renamed_file_is_there_under_its_last_name_alone(job: Job, s3: ObjectStore) -> None:
    program = """
    (folder / 'x.part').write_text('whole')
    (folder / 'a/b').mkdir(parents=True)
    os.replace(folder / 'x.part', folder / 'a/b/x')
    wait('go')
    (folder / 'last.part').write_text('last')
    os.replace(folder / 'last.part', folder / 'last')
    """
    with Front(s3) as front:
        synced = Synced(job, s3, program.replace("\n    ", "\n"))
        job.env(**front.environ)
        with started(job) as process:
            until(lambda: synced.get("a/b/x") == b"whole")
            synced.make("go")
            assert ended(job, process).returncode == 0
    assert synced.names() == ["a/b/x", "last"]
    assert [path for path, _ in front.written if path.endswith(".part")] == []


def test_a_file_that_is_still_open_for_writing_waits(job: Job, s3: ObjectStore) -> None:
    program = (
        "log = (folder / 'log').open('w')\n"
        "log.write('half, '); log.flush()\n"
        "(folder / 'marker').write_text('after it')\n"
        "wait('go')\n"
        "log.write('whole'); log.close()\n"
        "wait('end')\n"
    )
    with Front(s3) as front:
        synced = Synced(job, s3, program)
        job.env(**front.environ)
        with started(job) as process:
            until(lambda: synced.get("marker") is not None)
            time.sleep(2.5)  # as many looks again as the marker had
            assert synced.get("log") is None
            synced.make("go")
            until(lambda: synced.get("log") == b"half, whole")
            synced.make("end")
            assert ended(job, process).returncode == 0
    assert [body for path, body in front.written if path.endswith("/log")] == [b"half, whole"]


def test_what_is_rewritten_comes_again_and_what_is_removed_stays(job: Job, s3: ObjectStore) -> None:
    program = (
        "(folder / 'state').write_text('one')\n(folder / 'gone').write_text('gone')\nwait('go')\n"
        "(folder / 'state').write_text('two')\n(folder / 'gone').unlink()\nwait('end')\n"
    )
    synced = Synced(job, s3, program)
    with started(job) as process:
        until(lambda: synced.get("state") == b"one" and synced.get("gone") == b"gone")
        synced.make("go")
        until(lambda: synced.get("state") == b"two")
        synced.make("end")
        assert ended(job, process).returncode == 0
    assert synced.names() == ["gone", "state"]


def test_many_files_of_any_name_at_the_last_moment(job: Job, s3: ObjectStore) -> None:
    program = (
        "for i in range(300):\n"
        "    path = folder / f'epoch {i % 10}/späť/{i} 模型 +%&?#.bin'\n"
        "    path.parent.mkdir(parents=True, exist_ok=True)\n"
        "    path.write_text(str(i))\n"
        "open(os.fsencode(folder) + b'/\\xff', 'w').write('no UTF-8')\n"
        "(folder / 'large').write_bytes(bytes(range(256)) * 80000)\n"
        "(folder / 'empty').touch()\n"
        "os.symlink('/etc/hostname', folder / 'link')\n"
        "os.mkfifo(folder / 'fifo')\n"
    )
    synced = Synced(job, s3, program)
    done = job.run()
    assert done.returncode == 0, done
    names = [f"epoch {i % 10}/späť/{i} 模型 +%&?#.bin" for i in range(300)]
    assert synced.names() == sorted([*names, "\\xff", "large", "empty"])
    assert synced.get(names[123]) == b"123"
    assert synced.get("large") == bytes(range(256)) * 80000
    assert synced.get("empty") == b""
    assert "303 files of" in done.stderr


def test_a_failing_program_keeps_its_exit_code_and_its_last_file(job: Job, s3: ObjectStore) -> None:
    synced = Synced(job, s3, "(folder / 'why').write_text('loss is nan')\nsys.exit(3)\n")
    done = job.run()
    assert done.returncode == 3, done
    assert synced.get("why") == b"loss is nan"


def test_after_a_stop_the_last_checkpoint_is_delivered(job: Job, s3: ObjectStore) -> None:
    program = (
        "def save(*_):\n    (folder / 'checkpoint').write_text('at the stop')\n    sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, save)\n(base / 'ready').touch()\nwait('never')\n"
    )
    synced = Synced(job, s3, program)
    with started(job) as process:
        until((job.base / "ready").exists)
        process.send_signal(signal.SIGTERM)
        done = ended(job, process)
    assert done.returncode == 143, done
    assert synced.get("checkpoint") == b"at the stop"


def test_answers_of_500_are_asked_again(job: Job, s3: ObjectStore) -> None:
    with Front(s3, failures=6) as front:
        synced = Synced(job, s3, "(folder / 'x').write_text('at last')\nwait('go')\n")
        job.env(**front.environ)
        with started(job) as process:
            until(lambda: synced.get("x") == b"at last")
            synced.make("go")
            done = ended(job, process)
    assert done.returncode == 0, done
    assert done.stderr.count("is not in S3 yet") == 1
    assert "go to S3 again" in done.stderr


def test_where_s3_refuses_the_end_is_not_held_up_and_says_what_is_left(
    job: Job, s3: ObjectStore
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{probe.getsockname()[1]}"
    program = "[(folder / str(i)).write_text('x') for i in range(7)]\nsys.exit(4)\n"
    Synced(job, s3, program)
    done = job.env(S3_ENDPOINT_URL=endpoint, CONTAINER_TOOLKIT_INTERMEDIATE_TIMEOUT="1").run()
    assert done.returncode == 4, done
    assert done.failure is not None
    assert "S3" not in done.failure
    assert "WARNING: 7 of 7 files of" in done.stderr


def test_where_s3_never_answers_the_end_comes_all_the_same(job: Job, s3: ObjectStore) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        Synced(job, s3, "(folder / 'x').write_text('x')\n")
        done = job.env(S3_ENDPOINT_URL=endpoint, CONTAINER_TOOLKIT_INTERMEDIATE_TIMEOUT="1").run()
    assert done.returncode == 0, done
    assert done.success
    assert "WARNING: 1 of 1 files of" in done.stderr


def test_a_bucket_that_is_not_there_is_not_waited_for(job: Job, s3: ObjectStore) -> None:
    Synced(job, s3, "(folder / 'x').write_text('x')\n")
    job.hyperparameters(sagemaker_s3_output="s3://no-such-bucket")
    done = job.env(CONTAINER_TOOLKIT_INTERMEDIATE_TIMEOUT="3600").run()
    assert done.returncode == 0, done
    assert "1 of 1 files" in done.stderr
    assert "NoSuchBucket" in done.stderr


def test_the_process_that_delivers_may_die(job: Job, s3: ObjectStore) -> None:
    program = """
for path in Path("/proc").glob("[0-9]*/cmdline"):
    words = path.read_bytes()
    if b"training.delivery" in words and os.environ["TRAINING_JOB_NAME"].encode() in words:
        os.kill(int(path.parent.name), signal.SIGKILL)
        break
else:
    sys.exit(9)
(folder / 'x').write_text('x')
"""
    Synced(job, s3, program)
    done = job.run()
    assert done.returncode == 0, done
    assert "may not all be in s3://bucket/prefix/" in done.stderr


def test_it_outlives_the_programs_children_and_nothing_outlives_the_job(
    job: Job, s3: ObjectStore
) -> None:
    program = (
        "import subprocess\n"
        "subprocess.Popen(['sh', '-c', 'trap : TERM; while :; do sleep 0.1; done'])\n"
        "time.sleep(0.3)\n(folder / 'x').write_text('x')\n"
    )
    synced = Synced(job, s3, program)
    done = job.env(CONTAINER_TOOLKIT_MEMORY_CAP="80%").run()
    assert done.returncode == 0, done
    assert synced.get("x") == b"x"
    assert still_there(synced.name) == []


def still_there(mark: str) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark.encode() in path.read_bytes():
                found.append(path.parent.name)
        except OSError:
            continue
    return found


def test_a_folder_that_was_there_before_is_somebody_elses(job: Job, s3: ObjectStore) -> None:
    """The peers' rule: a service that makes the folder brings its contents to S3 itself."""
    synced = Synced(job, s3, "(folder / 'x').write_text('x')\n")
    (job.base / "output/intermediate").mkdir()
    done = job.run()
    assert done.returncode == 0, done
    assert synced.names() == []
    assert "was there before" in done.stderr


def test_a_local_output_is_nobodys_business(job: Job) -> None:
    job.program("import os; assert not os.path.exists(os.environ['SM_OUTPUT_INTERMEDIATE_DIR'])")
    job.hyperparameters(sagemaker_s3_output="file:///tmp/output")
    assert job.run().returncode == 0


@pytest.mark.parametrize("uri", ["https://bucket/prefix", "bucket/prefix", "s3://", "s3:///x"])
def test_an_output_that_is_neither_is_refused_before_anything_runs(job: Job, uri: str) -> None:
    job.program("print('ran')").hyperparameters(sagemaker_s3_output=uri)
    done = job.run()
    assert (done.returncode, done.stdout) == (1, "")
    assert done.failure is not None
    assert done.failure.startswith("ConfigError: hyperparameter sagemaker_s3_output is")


def test_without_boto3_the_job_says_what_to_install(job: Job, tmp_path: Path) -> None:
    folder = tmp_path / "without"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text("import sys; sys.modules['boto3'] = None\n")
    job.program("print('ran')").hyperparameters(sagemaker_s3_output="s3://bucket/x")
    paths = filter(None, (str(folder), os.environ.get("PYTHONPATH")))
    done = job.env(PYTHONPATH=os.pathsep.join(paths)).run()
    assert (done.returncode, done.stdout) == (1, "")
    assert done.failure is not None
    assert "pip install container-toolkit[s3]" in done.failure


def test_a_job_that_does_not_ask_for_it_imports_nothing_of_it(job: Job) -> None:
    job.program("pass").env(PYTHONPROFILEIMPORTTIME="1")
    done = job.run()
    assert TRAIN[0] == sys.executable
    assert "container_toolkit.training.settings" in done.stderr
    for name in ("intermediate", "delivery", "storage"):
        assert f"container_toolkit.training.{name}" not in done.stderr
        assert f"container_toolkit.{name}" not in done.stderr
