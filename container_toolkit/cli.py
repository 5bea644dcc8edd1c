"""The `container-toolkit` command: one function per verb."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

from container_toolkit.errors import ToolkitError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import NoReturn

    from container_toolkit.local.finding import Finding


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit code. An error of ours is one sentence on stderr."""
    try:
        args = parser().parse_args(argv)
        args.environ = os.environ
        code: int = args.verb(args)
    except ToolkitError as error:
        print(f"container-toolkit: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    return code


def parser() -> argparse.ArgumentParser:
    top = Parser(
        prog="container-toolkit", description="Train your own algorithm in a container, anywhere."
    )
    top.add_argument("--version", action=Version)
    verbs = top.add_subparsers(required=True, metavar="VERB")

    check_ = verbs.add_parser("check", help="tell what is wrong with a base folder, or an image")
    check_.add_argument(
        "folder", nargs="?", help="what stands for /opt/ml (default: $SAGEMAKER_BASE_DIR, /opt/ml)"
    )
    check_.add_argument(
        "--image", help="run this image to see; it trains a copy of FOLDER, if given"
    )
    check_.add_argument(
        "--engine", choices=("docker", "podman"), help="default: what has the image"
    )
    check_.add_argument("--json", action="store_true", help="one JSON object")
    check_.set_defaults(verb=check)

    init_ = verbs.add_parser("init", help="make a project: image, program, sample data and a test")
    init_.add_argument("name", help="of the folder and the image")
    init_.add_argument("--dir", default=".", help="the folder to make it in (default: here)")
    init_.set_defaults(verb=init)

    algorithms_ = verbs.add_parser("algorithms", help="list the built-in algorithms, or show one")
    algorithms_.add_argument("name", nargs="?", help="the algorithm to show")
    algorithms_.add_argument("--json", action="store_true", help="its declaration as data")
    algorithms_.add_argument(
        "--create-algorithm", metavar="IMAGE", help="the CreateAlgorithm request for that image"
    )
    algorithms_.set_defaults(verb=algorithms)
    return top


class Parser(argparse.ArgumentParser):
    """Leaves it to `main` to say what is wrong with a command line, and how that ends."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; `{self.prog} --help` shows how.")


class Version(argparse.Action):
    """Looks the version up only when it is asked for."""

    def __init__(self, option_strings: Sequence[str], dest: str) -> None:
        super().__init__(option_strings, dest, nargs=0, help="show the version and exit")

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version

        print(f"container-toolkit {version('container-toolkit')}")
        parser.exit()


def check(args: argparse.Namespace) -> int:
    """0 when nothing is wrong, else 1."""
    if args.image:
        return check_image(args)
    from container_toolkit.contract.layout import Layout
    from container_toolkit.local import folder_check

    root = args.folder or Layout.of(args.environ).root
    report = folder_check.check(root, args.environ)
    if args.json:
        show_json(folder=root, problems=report.problems, plan=report.plan)
    else:
        for problem in report.problems:
            print(f"FAIL  {problem}")
        for line in report.plan:
            print(line)
        count = len(report.problems)
        print(f"{root}: {f'{count} problem' + 's' * (count > 1) if count else 'nothing wrong'}")
    return 1 if report.problems else 0


def check_image(args: argparse.Namespace) -> int:
    from pathlib import Path

    from container_toolkit.local import engine, image_check

    sample = Path(args.folder) if args.folder else None
    wanted = args.engine or args.environ.get("CONTAINER_TOOLKIT_ENGINE")
    findings = image_check.check(engine.find(wanted, args.image), args.image, sample)
    seen = list(findings if args.json else shown(findings))
    if args.json:
        show_json(image=args.image, findings=[vars(finding) for finding in seen])
    return 0 if all(finding.ok for finding in seen) else 1


def shown(findings: Iterable[Finding]) -> Iterable[Finding]:
    """Print each as it comes: an image takes some seconds to look at."""
    for finding in findings:
        print(f"{'ok  ' if finding.ok else 'FAIL'}  {finding.name}: {finding.message}", flush=True)
        yield finding


def show_json(**members: object) -> None:
    import json

    print(json.dumps(members, indent=2))


def init(args: argparse.Namespace) -> int:
    from pathlib import Path

    from container_toolkit.local import project

    folder = project.create(args.name, Path(args.dir))
    print(f"{folder} is made; {folder}/test.sh builds its image and trains on its sample data.")
    return 0


def algorithms(args: argparse.Namespace) -> int:
    from container_toolkit import algorithms as built_in
    from container_toolkit.algorithms import create_algorithm, describe

    found = [built_in.get(name, "NAME") for name in [args.name] if name]
    if args.create_algorithm and not found:
        raise UsageError("--create-algorithm needs the NAME of an algorithm.")
    if args.create_algorithm:
        show_json(**create_algorithm.request(found[0], args.create_algorithm))
    elif args.json:
        show_json(**(describe.document(found[0]) if found else {"algorithms": built_in.names()}))
    elif found:
        print(describe.text(found[0]), end="")
    else:
        for name in built_in.names():
            print(f"{name}  {built_in.get(name, name).summary}")
    return 0
