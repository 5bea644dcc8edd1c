"""The cause comes first, is the program's own, and fits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from container_toolkit.process import Command, Exit
from container_toolkit.training.reason import tell
from container_toolkit.training.secrets import Secrets
from container_toolkit.training.supervise import Ending

NO_SECRETS = Secrets()

USER = """Traceback (most recent call last):
  File "/opt/ml/code/train.py", line 12, in <module>
    main()
  File "/opt/ml/code/train.py", line 8, in main
    fit()
  File "/usr/lib/python3/dist-packages/sklearn/base.py", line 99, in fit
    raise ValueError(message)
    ^^^^^^^^^^^^^^^^^^^^^^^^^
ValueError: Found array with 0 samples
second line of the message
"""
CHAINED = """Traceback (most recent call last):
  File "/opt/ml/code/a.py", line 1, in <module>
KeyError: 'first'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/opt/ml/code/b.py", line 2, in second
mylib.errors.Custom: second
"""
SYNTAX = """  File "/opt/ml/code/train.py", line 3
    def broken(
              ^
SyntaxError: '(' was never closed
"""


def of_rank(rank: int, error: str) -> str:
    text = f'Traceback (most recent call last):\n  File "/opt/ml/code/t.py", line 3\n{error}\n'
    return "".join(f"[rank{rank}]: {line}\n" for line in text.splitlines())


SPOILED, IN_ITS_WAKE = of_rank(1, "ValueError: spoiled"), of_rank(0, "RuntimeError: closed by peer")
UNWOUND = "terminate called without an active exception\n"


def first_line(stderr: str, code: int = 1, signal: int = 0, **fields: object) -> str:
    ending = Ending(
        command=Command(argv=("python",), env={}),
        exit=Exit(signal=signal) if signal else Exit(code=code),
        stderr=stderr.encode(),
        **fields,  # type: ignore[arg-type]
    )
    return tell(ending, NO_SECRETS).split("\n")[0]


@pytest.mark.parametrize(
    ("stderr", "expected"),
    [
        (SPOILED + IN_ITS_WAKE, "ValueError: spoiled (t.py, line 3)"),
        (IN_ITS_WAKE.replace("closed", "lost") + SPOILED + IN_ITS_WAKE, "ValueError: spoiled"),
        (
            "".join(
                line
                for pair in zip(SPOILED.splitlines(True), IN_ITS_WAKE.splitlines(True), strict=True)
                for line in pair
            ),
            "ValueError: spoiled (t.py, line 3)",
        ),
        (SPOILED + "a line\n" * 30, "ValueError: spoiled"),
    ],
)
def test_the_rank_that_failed_first_tells_the_cause(stderr: str, expected: str) -> None:
    assert first_line(stderr).startswith(expected)


def test_an_abort_after_an_exception_is_its_consequence() -> None:
    assert first_line(USER + UNWOUND, signal=6).startswith("ValueError: Found array")
    assert first_line(SPOILED + IN_ITS_WAKE + UNWOUND, signal=6).startswith("ValueError: spoiled")
    assert first_line(USER, signal=6).startswith("killed by SIGABRT")
    assert first_line(UNWOUND, signal=6).startswith("killed by SIGABRT")
    assert first_line(USER + UNWOUND, signal=9).startswith("killed by SIGKILL")


@pytest.mark.parametrize(
    ("stderr", "code", "expected"),
    [
        (USER, 1, "ValueError: Found array with 0 samples"),
        (CHAINED, 1, "mylib.errors.Custom: second (b.py, line 2, in second)"),
        (SYNTAX, 1, "SyntaxError: '(' was never closed (train.py, line 3)"),
        (USER + "resource_tracker: leaked 3 semaphores\n", 1, "ValueError: Found array"),
        (USER + "epoch 1\n" * 30 + "no data left\n", 3, "no data left"),
        (USER + "epoch 1\n" * 30 + "no data left\n", 1, "no data left"),
        ("epoch 1\nwrong: --lr\n", 2, "wrong: --lr"),
        ("\r10%\r50%\r100%\r\n", 2, "100%"),
        ("", 3, "the program ended with exit code 3 and said nothing"),
    ],
)
def test_the_cause_comes_first(stderr: str, code: int, expected: str) -> None:
    assert first_line(stderr, code).startswith(expected)


def test_the_frame_is_the_users_not_the_librarys() -> None:
    ending = Ending(
        command=Command(argv=("python",), env={}), exit=Exit(code=1), stderr=USER.encode()
    )
    head = tell(ending, NO_SECRETS).split("\nexit code")[0]
    assert head.endswith("second line of the message (train.py, line 8, in main)")


def test_the_kernels_kill_is_named_only_where_the_kernel_counted_one() -> None:
    assert "ran out of memory" in first_line("", signal=9, kernel_kills=1)
    assert "counts no out-of-memory kill" in first_line("", signal=9)
    assert "memory" not in first_line("", signal=15, kernel_kills=1).split("\n")[0]
    assert first_line("", signal=11).startswith("killed by SIGSEGV (signal 11)")


def test_a_worker_killed_by_the_kernel_is_told_beside_what_came_of_it() -> None:
    ending = Ending(
        command=Command(argv=("python",), env={}),
        exit=Exit(code=1),
        stderr=CHAINED.encode(),
        kernel_kills=2,
    )
    lines = tell(ending, NO_SECRETS).split("\n")
    assert lines[0].startswith("mylib.errors.Custom: second")
    assert lines[2].startswith("out of memory: the kernel killed 2 process(es)")


def test_an_installers_error_comes_before_its_hints() -> None:
    ending = Ending(
        command=Command(argv=("pip",), env={}),
        exit=Exit(code=1),
        stderr=b"WARNING: x\nERROR: Invalid requirement: 'a/b'\nHint: perhaps a path\n",
    )
    told = tell(ending, NO_SECRETS, "ERROR: ").split("\n")
    assert told[0] == "ERROR: Invalid requirement: 'a/b'"


@given(st.binary(), st.integers(0, 255), st.lists(st.text(max_size=300), min_size=1))
def test_any_output_gives_a_reason_that_fits(stderr: bytes, code: int, argv: list[str]) -> None:
    ending = Ending(command=Command(argv=tuple(argv), env={}), exit=Exit(code=code), stderr=stderr)
    assert 0 < len(tell(ending, NO_SECRETS)) <= 1024


@given(st.integers(0, 1200))
def test_a_secret_is_masked_wherever_the_text_is_cut(before: int) -> None:
    said = "x" * before + "open-sesame" + "y" * 1200
    ending = Ending(
        command=Command(argv=("fit", said), env={}), exit=Exit(code=1), stderr=said.encode()
    )
    assert "open-s" not in tell(ending, Secrets({"api_key": "open-sesame"}))


def test_secrets_are_masked_by_name_wherever_their_value_stands() -> None:
    secrets = Secrets({"api_key": "open-sesame", "lr": "0.125"}, {"DB_PASSWORD": "hunter2!"})
    shown = secrets.mask("open-sesame hunter2! 0.125 https://me:pw@host/x")
    assert shown == "**** **** 0.125 https://****@host/x"
    words = ("python", "--api-key", "1", "--lr", "0.125")
    assert secrets.mask_words(words) == ["python", "--api-key", "****", "--lr", "0.125"]


def test_the_sdks_quotes_are_no_part_of_a_secret_and_objects_have_secrets_too() -> None:
    secrets = Secrets({"db": {"password": "hunter2!", "host": "here"}, "keys": ['say "friend"']})
    assert secrets.mask("hunter2! at here") == "**** at here"
    assert secrets.mask('{"keys":["say \\"friend\\""]}') == '{"keys":["****"]}'


def test_words_that_are_everywhere_are_no_secrets() -> None:
    assert Secrets({"TOKENIZERS_PARALLELISM": "false"}).mask("is false") == "is false"


def test_a_secret_that_begins_like_another_is_masked_whole() -> None:
    assert Secrets({"a_token": "abcd", "b_token": "abcdefgh"}).mask("abcdefgh") == "****"
