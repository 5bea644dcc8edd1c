"""What a person is told: the start-up lines, and `train --plan`."""

from __future__ import annotations

import os
import time

from container_toolkit.contract.channels import PIPE_MODE
from container_toolkit.machine.size import show
from container_toolkit.training.model import counted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from container_toolkit.contract.channels import Channel
    from container_toolkit.contract.environment import TrainingEnvironment
    from container_toolkit.process import Command
    from container_toolkit.training.launch import Launch
    from container_toolkit.training.memory import Cap
    from container_toolkit.training.secrets import Secrets
    from container_toolkit.training.supervise import Ending

# A channel may be a network mount of millions of files: counting must not hold up the start.
COUNT_FOR = 0.1  # seconds

# What needs no quoting beside letters and digits; where a command is all that, as most are, the
# module that knows how to quote is not even imported.
PLAIN = dict.fromkeys(map(ord, "_@%+=:,./-"), "x")


def start_lines(env: TrainingEnvironment, cap: Cap | None) -> list[str]:
    """Job, host, machine, channels and memory cap; a line each."""
    cluster, machine = env.cluster, env.machine
    name = env.job_name or "without a service"
    place = f"host {cluster.current_host}"
    if cluster.size > 1:
        place += f", {cluster.rank + 1} of {cluster.size}, leader {cluster.leader}"
    counts = f"{machine.cpus} CPUs, {machine.gpus} GPUs"
    lines = [f"job {name}, {place}, {counts}"]
    lines += [f"channel {channel.name}: {contents(channel)}" for channel in env.channels.values()]
    if cap is None:
        lines.append("memory cap: off")
    else:
        lines.append(f"memory cap: {show(cap.bytes)} ({cap.why})")
    return lines


def contents(channel: Channel) -> str:
    """`3 files, 1.2 MB, File, FullyReplicated`; `more than` where counting took too long."""
    how = f"{channel.input_mode}, {channel.distribution}"
    if channel.content_type:
        how += f", {channel.content_type}"
    if channel.input_mode == PIPE_MODE:
        return how
    if not os.path.isdir(channel.path):
        return f"NO FOLDER {channel.path}, {how}"
    files, total, complete = count(channel.path, time.monotonic() + COUNT_FOR)
    if files == 0 and complete:
        return f"EMPTY, {how}"
    return f"{'' if complete else 'more than '}{counted(files, 'file')}, {show(total)}, {how}"


def count(folder: str, deadline: float) -> tuple[int, int, bool]:
    """Files and bytes below `folder`, and whether that is all of them."""
    files = total = 0
    folders = [folder]
    while folders:
        try:
            entries = os.scandir(folders.pop())
        except OSError:
            continue
        with entries:
            for entry in entries:
                if time.monotonic() > deadline:
                    return files, total, False
                try:
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                    elif entry.is_file():
                        files += 1
                        total += entry.stat().st_size
                except OSError:
                    continue
    return files, total, True


def shown(command: Command, secrets: Secrets) -> str:
    """A command as one would type it, secrets masked, never more than a few lines long."""
    text = " ".join(quoted(word) for word in secrets.mask_words(command.argv))
    return text if len(text) <= 1000 else text[:999] + "…"


def quoted(word: str) -> str:
    if word and word.translate(PLAIN).isalnum():
        return word
    import shlex

    return shlex.quote(word)


def running_line(commands: tuple[Command, ...], secrets: Secrets) -> str:
    folder = commands[0].cwd
    return f"running {'; '.join(shown(c, secrets) for c in commands)}" + (
        f" in {folder}" if folder else ""
    )


def end_line(ending: Ending) -> str:
    """`program ended with exit code 0 after 12.3 s, peak memory 310 MiB`."""
    peak = f", peak memory {show(ending.peak)}" if ending.peak else ""
    return f"program ended with {ending.exit.name} after {ending.seconds:.1f} s{peak}"


def plan_text(
    lines: list[str], launch: Launch, environ: Mapping[str, str], secrets: Secrets
) -> str:
    """What `train --plan` prints: all that would happen, nothing of it done."""
    from container_toolkit.training.secrets import MASK, is_secret

    program, first = launch.program, launch.commands[0]
    parts = [*lines, f"program: {program.name} ({program.kind}, from {program.source})"]
    parts += [f"install: {shown(command, secrets)}" for command in launch.installs]
    parts += [f"command: {shown(command, secrets)}" for command in launch.commands]
    parts += [f"folder: {first.cwd or os.getcwd()}", "variables:"]
    for name, value in sorted(first.env.items()):
        if environ.get(name) != value:
            text = MASK if is_secret(name) and value else secrets.mask(value)
            parts.append(f"  {name}={text}")
    parts += [f"  {name}_FILE (a file, for it is too long)" for name in sorted(launch.spilled)]
    return "\n".join(parts) + "\n"
