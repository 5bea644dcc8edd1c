"""hyperparameters.json: what becomes argv, what becomes variables, what never reaches either."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.conformance.cases import Match, check, parametrised
from tests.jobs import REPORTER

if TYPE_CHECKING:
    from tests.jobs import Job


def tokens(written: str) -> tuple[str, ...]:
    """An argv from its JSON, which is shorter to read than one token a line."""
    return tuple(json.loads(written))


ARGV_WITH_100K = tuple(
    token for index in range(40) for token in (f"--k{index:02}", chr(97 + index % 26) * 2500)
)

MATCH = (
    Match(
        id="hp_types",
        hyperparameters={
            "i": "10",
            "f": "0.1",
            "t": "true",
            "fa": "false",
            "s": '"abc"',
            "n": "null",
            "l": '["a","b c"]',
            "d": '{"x":1,"y":"z"}',
            "nest": '{"a":{"b":[1,2]}}',
            "plain": "some text",
            "e": "",
            "neg": "-1",
        },
        argv=tokens(
            '["-d", "x=1,y=z", "-e", "", "-f", "0.1", "--fa", "False", "-i", "10", "-l", '
            '"[\'a\', \'b c\']", "-n", "", "--neg", "-1", "--nest", "a={\'b\': [1, 2]}", '
            '"--plain", "some text", "-s", "abc", "-t", "True"]'
        ),
        sees={
            "SM_HP_D": '{"x":1,"y":"z"}',
            "SM_HP_E": "",
            "SM_HP_F": "0.1",
            "SM_HP_FA": "false",
            "SM_HP_I": "10",
            "SM_HP_L": '["a","b c"]',
            "SM_HP_N": "",
            "SM_HP_NEG": "-1",
            "SM_HP_NEST": '{"a":{"b":[1,2]}}',
            "SM_HP_PLAIN": "some text",
            "SM_HP_S": "abc",
            "SM_HP_T": "true",
            "SM_HPS": '{"d":{"x":1,"y":"z"},"e":"","f":0.1,"fa":false,"i":10,"l":["a","b c"],'
            '"n":null,"neg":-1,"nest":{"a":{"b":[1,2]}},"plain":"some text","s":"abc","t":true}',
            "SM_USER_ARGS": '["-d","x=1,y=z","-e","","-f","0.1","--fa","False","-i","10",'
            '"-l","[\'a\', \'b c\']","-n","","--neg","-1","--nest","a={\'b\': [1, 2]}",'
            '"--plain","some text","-s","abc","-t","True"]',
        },
    ),
    Match(
        id="hp_nonstring_json",
        hyperparameters={
            "i": 10,
            "f": 0.5,
            "t": True,
            "l": ["a", 1],
            "d": {"x": None},
            "n": None,
        },
        argv=tokens(
            '["-d", "x=None", "-f", "0.5", "-i", "10", "-l", "[\'a\', 1]", "-n", "", "-t", "True"]'
        ),
        sees={
            "SM_HPS": '{"d":{"x":null},"f":0.5,"i":10,"l":["a",1],"n":null,"t":true}',
            "SM_HP_D": '{"x":null}',
            "SM_HP_N": "",
            "SM_USER_ARGS": '["-d","x=None","-f","0.5","-i","10","-l","[\'a\', 1]","-n","",'
            '"-t","True"]',
        },
    ),
    Match(
        id="hp_sorted_and_single_char",
        hyperparameters={"zz": "1", "b": "2", "A": "3", "aa": "4"},
        argv=("-A", "3", "--aa", "4", "-b", "2", "--zz", "1"),
    ),
    Match(
        id="hp_names_dash_dot",
        hyperparameters={"learning-rate": "0.1", "a.b": "2"},
        argv=("--a.b", "2", "--learning-rate", "0.1"),
        sees={
            "SM_HP_LEARNING-RATE": "0.1",
            "SM_HP_A.B": "2",
            "SM_HPS": '{"a.b":2,"learning-rate":0.1}',
        },
    ),
    Match(
        id="hp_case_collision",
        hyperparameters={"lr": "0.1", "LR": "9"},
        argv=("--LR", "9", "--lr", "0.1"),
        sees={"SM_HP_LR": "9", "SM_HPS": '{"LR":9,"lr":0.1}'},
    ),
    Match(
        id="hp_case_collision-other_order",
        hyperparameters={"LR": "9", "lr": "0.1"},
        argv=("--LR", "9", "--lr", "0.1"),
        sees={"SM_HP_LR": "0.1", "SM_HPS": '{"LR":9,"lr":0.1}'},
    ),
    Match(
        id="hp_json_surprises",
        hyperparameters={
            "v": "1.10",
            "sha": "1234567e12",
            "e5": "1e5",
            "sp": " 5 ",
            "oct": "007",
            "pt": "True",
            "dup": '{"a":1,"a":2}',
            "big": "12345678901234567890",
            "neg0": "-0",
            "exp": "1E400",
        },
        argv=tokens(
            '["--big", "12345678901234567890", "--dup", "a=2", "--e5", "100000.0", '
            '"--exp", "inf", "--neg0", "0", "--oct", "007", "--pt", "True", "--sha", '
            '"1.234567e+18", "--sp", "5", "-v", "1.1"]'
        ),
        sees={
            "SM_HP_SHA": "1.234567e+18",
            "SM_HP_EXP": "Infinity",
            "SM_HPS": '{"big":12345678901234567890,"dup":{"a":2},"e5":100000.0,"exp":Infinity,'
            '"neg0":0,"oct":"007","pt":"True","sha":1.234567e+18,"sp":5,"v":1.1}',
        },
    ),
    Match(
        id="hp_nan_inf",
        hyperparameters={"nan": "NaN", "inf": "Infinity", "ninf": "-Infinity"},
        argv=("--inf", "inf", "--nan", "nan", "--ninf", "-inf"),
        sees={
            "SM_HPS": '{"inf":Infinity,"nan":NaN,"ninf":-Infinity}',
            "SM_HP_NAN": "NaN",
            "SM_HP_INF": "Infinity",
            "SM_HP_NINF": "-Infinity",
        },
    ),
    Match(
        id="hp_shell_meta",
        hyperparameters={
            "meta": "\"$(touch x); echo `id` | cat > y & 'q' \\\\ *\"",
            "raw": "a;b && c",
            "dq": '"say \\"hi\\""',
        },
        argv=tokens(
            '["--dq", "say \\"hi\\"", "--meta", '
            '"$(touch x); echo `id` | cat > y & \'q\' \\\\ *", "--raw", "a;b && c"]'
        ),
        sees={
            "SM_HP_META": "$(touch x); echo `id` | cat > y & 'q' \\ *",
            "SM_HPS": '{"dq":"say \\"hi\\"","meta":"$(touch x); echo `id` | cat > y & \'q\' '
            '\\\\ *","raw":"a;b && c"}',
        },
    ),
    Match(
        id="hp_trailing_quote_last",
        hyperparameters={"z": '"ends with \\""'},
        argv=("-z", 'ends with "'),
        sees={"SM_HPS": '{"z":"ends with \\""}'},
    ),
    Match(
        id="hp_unicode_newline",
        hyperparameters={"u": '"line1\\nline2 日本語 é 😀"'},
        argv=("-u", "line1\nline2 日本語 é 😀"),
        sees={
            "SM_HP_U": "line1\nline2 日本語 é 😀",
            "SM_HPS": '{"u":"line1\\nline2 \\u65e5\\u672c\\u8a9e \\u00e9 \\ud83d\\ude00"}',
            "SM_USER_ARGS": '["-u","line1\\nline2 \\u65e5\\u672c\\u8a9e \\u00e9 \\ud83d\\ude00"]',
        },
    ),
    Match(
        id="hp_reserved_filtered",
        hyperparameters={
            "sagemaker_submit_directory": '"/x"',
            "sagemaker_enable_cloudwatch_metrics": "true",
            "sagemaker_region": '"us-west-2"',
            "sagemaker_container_log_level": "30",
            "sagemaker_job_name": '"job-1"',
            "default_user_module_name": '"m"',
            "_tuning_objective_metric": '"loss"',
            "sagemaker_foo": '"bar"',
            "user": "1",
        },
        argv=("--user", "1"),
        sees={
            "SM_HPS": '{"user":1}',
            "SM_FRAMEWORK_PARAMS": '{"sagemaker_foo":"bar"}',
            "SAGEMAKER_JOB_NAME": "job-1",
            "SAGEMAKER_REGION": "us-west-2",
            "SM_LOG_LEVEL": "30",
            "SM_MODULE_DIR": "/x",
        },
        training_env={
            "additional_framework_parameters": {"sagemaker_foo": "bar"},
            "hyperparameters": {"user": 1},
            "job_name": None,
            "log_level": 30,
            "module_dir": "/x",
        },
    ),
    Match(
        id="hp_100k",
        hyperparameters={f"k{index:02}": chr(97 + index % 26) * 2500 for index in range(40)},
        argv=ARGV_WITH_100K,
    ),
)


@parametrised(MATCH)
def test_match(case: Match, job: Job) -> None:
    check(case, job)


def test_hp_json_surprises_keep_their_spelling_where_asked(job: Job) -> None:
    values = {"v": "1.10", "sha": "1234567e12", "e5": "1e5", "sp": " 5 ", "neg0": "-0"}
    as_ever = {"nan": "NaN", "exp": "1E400", "lr": "0.1", "n": "10", "t": "true", "s": '"abc"'}
    job.program(REPORTER).hyperparameters(**values, **as_ever)
    job.env(CONTAINER_TOOLKIT_HYPERPARAMETERS="exact")
    assert job.run().returncode == 0
    seen = job.seen()
    argv, env = seen["argv"], seen["env"]
    assert isinstance(argv, list)
    assert isinstance(env, dict)
    given = dict(zip(argv[::2], argv[1::2], strict=True))
    expected = {"-v": "1.10", "--sha": "1234567e12", "--e5": "1e5", "--sp": " 5 ", "--neg0": "-0"}
    expected |= {"--nan": "NaN", "--exp": "1E400", "--lr": "0.1", "-n": "10", "-t": "True"}
    assert given == expected | {"-s": "abc"}
    typed = {"lr": 0.1, "n": 10, "t": True, "s": "abc"}
    assert json.loads(env["SM_HPS"]) == values | {"nan": "NaN", "exp": "1E400"} | typed


def test_a_way_to_read_hyperparameters_that_is_none_is_a_sentence(job: Job) -> None:
    ended = job.program("pass").env(CONTAINER_TOOLKIT_HYPERPARAMETERS="typed").run()
    assert ended.returncode == 1
    assert "CONTAINER_TOOLKIT_HYPERPARAMETERS is 'typed'" in str(ended.failure)
