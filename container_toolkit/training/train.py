"""The `train` command: the story of a training container on one page.

Load what the service left, find the program, start it, watch it, tell the truth about its end.
"""

from __future__ import annotations

import os
import sys

from container_toolkit import frameworks
from container_toolkit.contract.environment import TrainingEnvironment
from container_toolkit.contract.layout import Layout
from container_toolkit.contract.outcome import (
    COMPLETED,
    FAILED,
    TAIL_TITLE,
    Outcome,
    OutcomeFiles,
)
from container_toolkit.errors import PlatformError, ToolkitError, UsageError
from container_toolkit.process.mailbox import Mailbox
from container_toolkit.training import announce, conclude, model, peers, source, spill
from container_toolkit.training.launch import plan
from container_toolkit.training.log import Log
from container_toolkit.training.memory import Watch
from container_toolkit.training.secrets import Secrets
from container_toolkit.training.settings import Settings
from container_toolkit.training.supervise import HEARD, Supervisor
from container_toolkit.value import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import NoReturn

    from container_toolkit.training.launch import Launch
    from container_toolkit.training.supervise import Ending

USAGE = """\
usage: train [--plan] [--version] [--help] [-- COMMAND [ARGUMENT ...]]

Runs the training program of this container under SageMaker's contract: reads input/config and
input/data below /opt/ml (or $SAGEMAKER_BASE_DIR), starts the program, supervises it, and reports
in output/ and by its exit code, which is the program's own.

  --plan     print what would run, with its variables, and exit
  --version  print the version and exit
  --help     print this and exit
  -- COMMAND run this command line untouched, where no setting names a program

What runs, the first that is set: SAGEMAKER_TRAINING_MODULE (module:function), SAGEMAKER_PROGRAM,
hyperparameter sagemaker_program, -- COMMAND, CONTAINER_TOOLKIT_COMMAND,
CONTAINER_TOOLKIT_ALGORITHM.
"""


OPTIONS = ("--plan", "--version", "--help", "-h")


def main() -> NoReturn:
    """Console script. Ends the process at once: threads and finalizers have nothing left to do."""
    code = 1
    try:
        code = run(tuple(sys.argv[1:]), dict(os.environ))
        sys.stdout.flush()
    finally:
        os._exit(code)


def run(argv: tuple[str, ...], environ: Mapping[str, str]) -> int:
    """The exit code of `train` with these arguments."""
    try:
        plan_only, command = parse(argv)
    except UsageError as error:
        sys.stderr.write(USAGE)
        return refuse(Layout.of(environ), error).exit_code
    if plan_only not in ("", "--plan"):
        sys.stdout.write(f"{version()}\n" if plan_only == "--version" else USAGE)
        return 0
    if plan_only:
        return print_plan(environ, command)
    return train(Layout.of(environ), environ, command).exit_code


def parse(argv: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """An option, "" for none, and the command. The service's own word `train` is no argument."""
    words: tuple[str, ...] = argv
    command: tuple[str, ...] = ()
    if "--" in argv:
        place = argv.index("--")
        words, command = argv[:place], argv[place + 1 :]
        if not command:
            raise UsageError("a command is missing after `--`.")
    words = words[1:] if words[:1] == ("train",) else words
    if len(words) > 1 or (words and words[0] not in OPTIONS):
        raise UsageError(f"{' '.join(words)!r} is not understood; a command goes after `--`.")
    return (words[0] if words else ""), command


def refuse(layout: Layout, error: UsageError) -> Outcome:
    """A wrong command line is a failed job too: whoever reads the output folder must learn it."""
    log = Log(Secrets())
    files = OutcomeFiles(layout)
    files.prepare()
    outcome = Outcome(status=FAILED, reason=f"UsageError: {error}", exit_code=error.exit_code)
    files.write(outcome)
    log.error(outcome.reason)
    return outcome


def train(layout: Layout, environ: Mapping[str, str], command: tuple[str, ...]) -> Outcome:
    """One job on this host, from its documents to its outcome, which is also written down."""
    mailbox = Mailbox(HEARD)
    log = Log(Secrets(environ))
    files = OutcomeFiles(layout)
    complaint = files.prepare()
    if complaint:
        log.warning(f"{complaint}; the reason of a failure can only be told here")
    afterwards: list[Callable[[Outcome], None]] = []
    try:
        outcome = attempt(layout, environ, command, mailbox, log, afterwards)
    except ToolkitError as error:
        reason = f"{type(error).__name__}: {log.masked(str(error))}"
        outcome = Outcome(status=FAILED, reason=reason, exit_code=error.exit_code)
    except Exception as error:
        outcome = Outcome(status=FAILED, reason=internal(error), exit_code=PlatformError.exit_code)
    trouble = files.write(outcome)
    if trouble and not complaint and outcome.status == COMPLETED:
        reason = f"PlatformError: {trouble}; the program itself succeeded"
        outcome = Outcome(status=FAILED, reason=reason, exit_code=PlatformError.exit_code)
    if outcome.reason:
        # The tail stands in the log already; a metric in it must not be counted twice.
        reason = outcome.reason.partition(TAIL_TITLE)[0]
        log.error(f"{outcome.status}, exit code {outcome.exit_code}: {reason}")
    for finish in reversed(afterwards):  # other hosts are not to wait for S3
        finish(outcome)
    return outcome


def attempt(
    layout: Layout,
    environ: Mapping[str, str],
    command: tuple[str, ...],
    mailbox: Mailbox,
    log: Log,
    afterwards: list[Callable[[Outcome], None]],
) -> Outcome:
    """The job itself; whatever of ours goes wrong is raised as a ToolkitError. What is to be done
    once the outcome is written, and can't change it, is put into `afterwards`."""
    env = TrainingEnvironment.load(layout, environ)
    log.configure(secrets_of(env), env.log_level)
    settings = Settings.of(env)
    for line in announce.start_lines(env, settings.cap):
        log.info(line)
    make_ready(env, settings, log)
    supervisor = Supervisor(mailbox, settings.grace)
    launch = plan(env, command, settings.cap)
    for warning in launch.warnings:
        log.warning(warning)
    failed = install(launch, supervisor, settings, log)
    if failed is not None:
        return conclude.installation(failed, log)
    return perform(launch, env, settings, supervisor, log, afterwards)


def perform(
    launch: Launch,
    env: TrainingEnvironment,
    settings: Settings,
    supervisor: Supervisor,
    log: Log,
    afterwards: list[Callable[[Outcome], None]],
) -> Outcome:
    """Wait for the other hosts, run the program to its end, and say how it ended."""
    if settings.peer_timeout is not None:
        peers.wait(env.cluster, settings.peer_timeout, supervisor.pause, log.info)
    if supervisor.pause(0):
        return conclude.before_start(supervisor.stopped_by)
    if settings.intermediate:
        from container_toolkit.training import intermediate

        afterwards.append(intermediate.Sync(env, settings, supervisor, log).finish)
    fellows = None
    if frameworks.is_distributed(env):
        from container_toolkit.training.fellows import gather

        fellows = gather(env, settings.peer_timeout, supervisor.pause, log.info)
        if fellows is None:
            return conclude.before_start(supervisor.stopped_by)
        afterwards.append(fellows.leave)
    log.info(announce.running_line(launch.commands, log.secrets))
    with_files = spill.to_files(launch)
    try:
        ending = supervisor.run(with_files.commands, Watch(settings.cap), fellows)
    finally:
        spill.remove(with_files)
    log.info(announce.end_line(ending))
    if fellows is not None and not ending.stopped_by:
        trouble = fellows.final_trouble(bool(ending.exit.status))
        stopped_by = 0 if ending.ok else supervisor.stopped_by  # meanwhile
        ending = replace(ending, trouble=trouble, stopped_by=stopped_by)
    return settle(ending, launch, env, settings, log)


def settle(
    ending: Ending, launch: Launch, env: TrainingEnvironment, settings: Settings, log: Log
) -> Outcome:
    """The outcome, and the model packed where that is ours to do."""
    outcome = conclude.training(ending, launch.program, log)
    if settings.exit_with_one and outcome.status == FAILED:
        outcome = replace(outcome, exit_code=1)
    if settings.packs and outcome.status != FAILED:
        model.pack_after(outcome, env, log)
    return outcome


def make_ready(env: TrainingEnvironment, settings: Settings, log: Log) -> None:
    """Folders the program may write to (on a read-only system only what is mounted is there), the
    earlier run's archive set aside, the code fetched."""
    for folder in (env.layout.model, env.layout.output_data):
        try:
            os.makedirs(folder, exist_ok=True)
        except OSError:
            continue
    if settings.packs:
        model.set_aside(env.layout, log)
    uri = source.wanted(env)
    if uri:
        log.info(f"fetching code from {uri}")
        source.fetch(uri, env)


def install(launch: Launch, supervisor: Supervisor, settings: Settings, log: Log) -> Ending | None:
    """Run what has to be installed first; returns how the one that failed ended."""
    for command in launch.installs:
        if supervisor.pause(0):
            return None
        log.info(f"installing: {announce.shown(command, log.secrets)}")
        ending = supervisor.run((command,), Watch(settings.cap))
        if not ending.ok:
            return ending
    return None


def secrets_of(env: TrainingEnvironment) -> Secrets:
    parameters = env.hyperparameters
    return Secrets(env.settings, parameters.user, parameters.framework, parameters.reserved)


def internal(error: Exception) -> str:
    """A bug of ours, in one line: never a traceback, always the place."""
    place = ""
    step = error.__traceback__
    while step is not None:
        code = step.tb_frame.f_code
        place = f"{os.path.basename(code.co_filename)}:{step.tb_lineno}"
        step = step.tb_next
    return (
        f"PlatformError: a bug in the runtime ({type(error).__name__}: {error}, at {place});"
        " please report it"
    )


def print_plan(environ: Mapping[str, str], command: tuple[str, ...]) -> int:
    """`train --plan`: what would run, nothing of it done."""
    log = Log(Secrets(environ))
    try:
        env = TrainingEnvironment.load(Layout.of(environ), environ)
        log.configure(secrets_of(env), env.log_level)
        settings = Settings.of(env)
        lines = announce.start_lines(env, settings.cap)
        uri = source.wanted(env)
        if uri:
            lines.append(
                log.masked(f"code would first be fetched from {uri}; then the rest is known")
            )
            sys.stdout.write("\n".join(lines) + "\n")
            return 0
        launch = plan(env, command, settings.cap)
    except ToolkitError as error:
        log.error(f"{type(error).__name__}: {error}")
        return error.exit_code
    for warning in launch.warnings:
        log.warning(warning)
    sys.stdout.write(announce.plan_text(lines, launch, environ, log.secrets))
    return 0


def version() -> str:
    from importlib import metadata

    try:
        return f"container-toolkit {metadata.version('container-toolkit')}"
    except metadata.PackageNotFoundError:
        return "container-toolkit, not installed"
