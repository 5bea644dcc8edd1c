"""stdout and stderr: the program's bytes, apart, in order, as soon as they are written."""

from __future__ import annotations

from tests.conformance.processes import killed_at_the_end
from tests.jobs import HANG, Job

# What the peer's capture mode breaks: split lines and characters, indents, blank lines, and the
# bytes a line reader would touch.
PIECES = (
    b"loss=",
    b"0.5;\n",
    "é".encode()[:1],
    "é".encode()[1:] + b" split\n",
    b"    indented\n\n\n  \n",
    b"\xff\xfe\x00 not text\r\nover\rwritten\n",
    b"[1,10]<stdout>: a rank\n",
    b"no newline at the end",
)


def test_stream_split_utf8_split_indent_blank_lines(job: Job) -> None:
    job.program(
        f"""
        import os, time
        for piece in {PIECES!r}:
            os.write(1, piece)
            time.sleep(0.05)
        """
    )
    ended = job.run()
    assert ended.returncode == 0, ended
    assert ended.raw_stdout == b"".join(PIECES)


def test_stderr_separate(job: Job) -> None:
    job.program(
        """
        import os
        os.write(1, b"to stdout\\n")
        os.write(2, b"  to stderr \\xff\\n\\n")
        os.write(1, b"to stdout again\\n")
        """
    )
    ended = job.run()
    assert ended.raw_stdout == b"to stdout\nto stdout again\n"
    assert b"  to stderr \xff\n\n" in ended.raw_stderr
    assert b"to stdout" not in ended.raw_stderr


def test_latency(job: Job) -> None:
    """Each line arrives before the next is written: the program waits for it to be read."""
    job.environ.pop("PYTHONUNBUFFERED", None)
    job.program(
        """
        import os, time
        for step in range(10):
            print(f"step {step}")
            while not os.path.exists(f"{os.environ['SM_OUTPUT_DIR']}/read-{step}"):
                time.sleep(0.005)
        """
    )
    with job.start() as process, killed_at_the_end(process):
        assert process.stdout is not None
        for step in range(10):
            assert process.stdout.readline() == b"step %d\n" % step
            (job.base / f"output/read-{step}").touch()
        process.communicate(timeout=HANG)
    assert process.returncode == 0


def test_large_output_is_complete(job: Job) -> None:
    """20 MB on each stream at once, read slowly at first: nothing lost, nothing mixed."""
    job.program(
        """
        import os, threading
        def fill(descriptor, letter):
            line = letter * 99 + b"\\n"
            for _ in range(2000):
                left = memoryview(line * 100)
                while left:
                    left = left[os.write(descriptor, left):]
        other = threading.Thread(target=fill, args=(2, b"e"))
        other.start()
        fill(1, b"o")
        other.join()
        """
    )
    ended = job.run()
    assert ended.returncode == 0
    assert ended.raw_stdout == (b"o" * 99 + b"\n") * 200_000
    assert ended.raw_stderr.count(b"e" * 99 + b"\n") == 200_000


def test_reader_gone_is_not_the_programs_failure(job: Job) -> None:
    """Whoever read our stdout has left: the program still trains to its end."""
    job.program(
        """
        import os
        for _ in range(1000):
            os.write(1, b"x" * 1000)
        open(os.environ["SM_OUTPUT_DIR"] + "/done", "w").close()
        """
    )
    with job.start() as process, killed_at_the_end(process):
        assert process.stdout is not None
        process.stdout.close()
        process.stdout = None
        process.communicate(timeout=HANG)
    assert (job.base / "output/done").exists()
    assert process.returncode == 0
