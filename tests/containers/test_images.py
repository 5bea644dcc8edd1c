"""The images of this repository, and projects made by `init`, as a new user meets them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tarfile
from typing import TYPE_CHECKING

import pytest

from tests.containers.conftest import BASE_IMAGE
from tests.containers.engines import BUILD, ENVIRON, ROOT, Engine

if TYPE_CHECKING:
    from pathlib import Path


def toolkit(*argv: str, timeout: float = 300) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "container_toolkit", *argv],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
    )


def findings(engine: Engine, *argv: str) -> tuple[int, dict[str, tuple[bool, str]]]:
    done = toolkit("check", "--engine", engine.name, "--json", "--image", *argv)
    assert done.stdout, done.stderr
    report = json.loads(done.stdout)
    return done.returncode, {f["name"]: (f["ok"], f["message"]) for f in report["findings"]}


@pytest.fixture(scope="session")
def forecaster(engine: Engine, base: str) -> str:
    """Their image, taken over as images/custom does it."""
    theirs = engine.build(
        "theirs", ROOT / "images/custom/theirs", "--build-arg", f"BASE_IMAGE={BASE_IMAGE}"
    )
    context = engine.folder / "custom"
    context.mkdir()
    text = (ROOT / "images/custom/Dockerfile").read_text()
    assert "from=container-toolkit," in text
    (context / "Dockerfile").write_text(text.replace("from=container-toolkit,", f"from={base},"))
    return engine.build("forecaster", context, "--build-arg", f"THEIRS={theirs}")


def test_somebody_elses_algorithm_in_two_lines(
    engine: Engine, forecaster: str, tmp_path: Path
) -> None:
    """DATA and OUT mounted, no configuration file anywhere: a model archive in OUT."""
    out = tmp_path / "out"
    out.mkdir()
    data = ROOT / "images/custom/data"
    done = engine.run(
        forecaster,
        "train",
        options=("-v", f"{data}:/opt/ml/input/data/training:ro", "-v", f"{out}:/opt/ml/model"),
    )
    assert done.status == 0, done
    assert "forecast: 144 values" in done.stdout
    with tarfile.open(out / "model.tar.gz") as archive:
        assert sorted(archive.getnames()) == ["forecast.csv", "model.txt"]


def test_their_command_still_works_by_itself(engine: Engine, forecaster: str) -> None:
    done = engine.run(forecaster)
    assert (done.status, done.stdout.splitlines()[0].split()[:2]) == (0, ["usage:", "forecast"])


def test_check_of_a_sound_image(engine: Engine, forecaster: str) -> None:
    status, found = findings(engine, forecaster)
    assert all(ok for ok, _ in found.values()), found
    assert status == 0
    assert list(found) == ["entrypoint", "train", "plan", "model", "failure", "stop"]
    assert "forecast" in found["plan"][1]


def test_check_of_an_image_without_train(engine: Engine) -> None:
    status, found = findings(engine, engine.build_from("bare", f"FROM {BASE_IMAGE}\n"))
    assert status == 1
    assert found["train"][0] is False
    assert "pip install" in found["train"][1]


def test_check_of_an_image_with_somebody_elses_train(engine: Engine) -> None:
    other = "printf '#!/bin/sh\\necho training\\n' >/usr/bin/train && chmod +x /usr/bin/train"
    image = engine.build_from("other", f"FROM {BASE_IMAGE}\nRUN {other}\n")
    status, found = findings(engine, image)
    assert status == 0
    assert "another" in found["train"][1]
    assert "stop" not in found


def test_check_of_a_shell_in_front_of_train(engine: Engine, base: str) -> None:
    """A script that starts `train` without exec swallows signals."""
    image = engine.build_from(
        "swallows",
        f"FROM {base}\nENV CONTAINER_TOOLKIT_COMMAND=true\n"
        "RUN printf '#!/bin/sh\\n\"$@\"\\ncode=$?\\nexit $code\\n' >/start && chmod +x /start\n"
        'ENTRYPOINT ["/start"]\n',
    )
    status, found = findings(engine, image)
    assert status == 1
    assert [name for name, (ok, _) in found.items() if not ok] == ["stop"]
    assert "exec" in found["stop"][1]


def test_check_of_a_shell_form_entrypoint(engine: Engine, base: str) -> None:
    status, found = findings(
        engine, engine.build_from("shell-form", f"FROM {base}\nENTRYPOINT train\n")
    )
    assert status == 1
    assert found["entrypoint"][0] is False


def test_check_names_a_program_that_is_not_there(engine: Engine, base: str) -> None:
    image = engine.build_from("astray", f"FROM {base}\nENV SAGEMAKER_PROGRAM=/opt/astray.py\n")
    status, found = findings(engine, image)
    assert status == 1
    assert [name for name, (ok, _) in found.items() if not ok] == ["plan"]
    assert "/opt/astray.py" in found["plan"][1]


def test_check_trains_a_sample(engine: Engine, base: str, ml: Path) -> None:
    (ml / "code/fit.sh").write_text('echo 42 >"$SM_MODEL_DIR/answer"\n')
    (ml / "input/config/hyperparameters.json").write_text('{"sagemaker_program": "fit.sh"}')
    status, found = findings(engine, base, str(ml))
    assert (status, found["sample"][0]) == (0, True), found
    assert list((ml / "model").iterdir()) == [], "a copy is trained, not the folder itself"

    (ml / "code/fit.sh").write_text("echo the data are bad >&2; exit 3\n")
    status, found = findings(engine, base, str(ml))
    assert (status, found["sample"][0]) == (1, False)
    assert "3" in found["sample"][1]


def test_check_of_an_image_that_is_not_there(engine: Engine) -> None:
    done = toolkit("check", "--engine", engine.name, "--image", f"{engine.mark}-nowhere")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert f"{engine.mark}-nowhere" in done.stderr


def test_a_project_of_init_builds_and_passes(engine: Engine, tmp_path: Path) -> None:
    name = f"{engine.mark}-wine"
    engine.images.append(name)
    made = toolkit("init", name, "--dir", str(tmp_path))
    assert made.returncode == 0, made.stderr
    done = subprocess.run(
        [str(tmp_path / name / "test.sh")],
        env={**ENVIRON, "ENGINE": engine.name},
        cwd=engine.folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=BUILD,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].startswith("ok: ")
    status, found = findings(engine, name)
    assert status == 0, found

    # Its test is one that can fail.
    engine.call("rmi", "--force", name)
    program = tmp_path / name / "fit.py"
    program.write_text(program.read_text().replace("return max(model", "return min(model"))
    broken = subprocess.run(
        [str(tmp_path / name / "test.sh")],
        env={**ENVIRON, "ENGINE": engine.name},
        cwd=engine.folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=BUILD,
    )
    assert broken.returncode != 0
    assert "FAIL: the accuracy" in broken.stderr


@pytest.mark.slow
def test_the_sklearn_image_trains_its_sample(engine: Engine, sklearn: str, ml: Path) -> None:
    shutil.copytree(ROOT / "images/sklearn/ml", ml, dirs_exist_ok=True)
    done = engine.run(sklearn, "train", options=("-v", f"{ml}:/opt/ml"))
    assert done.status == 0, done
    accuracy = next(line for line in done.stdout.splitlines() if line.startswith("accuracy="))
    assert float(accuracy.split("=")[1]) > 0.9
    with tarfile.open(ml / "model/model.tar.gz") as archive:
        assert archive.getnames() == ["model.pkl"]


def test_the_xgboost_image_trains_its_sample_without_any_code(
    engine: Engine, xgboost: str, ml: Path
) -> None:
    shutil.copytree(ROOT / "images/xgboost/ml", ml, dirs_exist_ok=True)
    done = engine.run(xgboost, "train", options=("-v", f"{ml}:/opt/ml"))
    assert done.status == 0, done
    lines = [line for line in done.stdout.splitlines() if line.startswith("[")]
    scores = [float(re.findall(r"\tvalidation-auc:(\S+)", line)[0]) for line in lines]
    assert len(scores) >= 10
    assert max(scores) > 0.98
    with tarfile.open(ml / "model/model.tar.gz") as archive:
        assert archive.getnames() == ["xgboost-model"]


def test_the_xgboost_image_says_what_is_wrong_with_a_job(
    engine: Engine, xgboost: str, ml: Path
) -> None:
    shutil.copytree(ROOT / "images/xgboost/ml", ml, dirs_exist_ok=True)
    (ml / "input/config/hyperparameters.json").write_text('{"num_round": "50", "eta": "1.5"}')
    done = engine.run(xgboost, "train", options=("-v", f"{ml}:/opt/ml"))
    assert done.status == 1, done
    failure = (ml / "output/failure").read_text()
    assert failure.startswith("UserError: Hyperparameter eta: 1.5 is not in [0, 1]"), failure
    assert "Traceback" not in failure
    assert list((ml / "model").iterdir()) == []


@pytest.mark.parametrize("name", ["sklearn", "xgboost"])
def test_an_images_dockerfile_is_short(name: str) -> None:
    assert len((ROOT / f"images/{name}/Dockerfile").read_text().splitlines()) <= 20


@pytest.fixture(scope="module")
def peer(engine: Engine) -> str:
    """An image that holds the peer as a wheel; it is only to be had as source, with C in it."""
    return engine.build_from(
        "peer",
        f"FROM {BASE_IMAGE}\n"
        "RUN apt-get update -qq"
        " && apt-get install -y -qq --no-install-recommends gcc libc6-dev python3-dev\n"
        "RUN pip wheel --no-cache-dir --no-deps --wheel-dir /peer sagemaker-training==5.1.4\n",
    )


@pytest.mark.slow
@pytest.mark.parametrize("ours", ["first", "last"])
def test_ours_runs_where_the_peer_is_installed_too(
    engine: Engine, base: str, peer: str, ours: str
) -> None:
    """Both bring a `train`. First: on our base image. Last: our package on an image of theirs."""
    theirs = (
        f"RUN --mount=type=bind,from={peer},source=/peer,target=/peer"
        " pip install --no-cache-dir --no-deps /peer/*.whl\n"
    )
    us = (
        f"RUN --mount=type=bind,from={base},source=/usr/share/container-toolkit,target=/wheel"
        " pip install --no-cache-dir /wheel/*.whl\n"
    )
    first = f"FROM {base}\n{theirs}"
    last = f"FROM {BASE_IMAGE}\n{theirs}{us}"
    image = engine.build_from(f"with-peer-{ours}", first if ours == "first" else last)
    done = engine.run(image, "sh", "-c", "pip show -q sagemaker-training && train --version")
    assert done.status == 0, done
    assert "container-toolkit" in done.stdout
    done = engine.run(image, "train", "--", "sh", "-c", "exit 9")
    assert done.status == 9, done
