"""The house: which room may import which, and what an import may cost or do."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "container_toolkit"

# A room is a module or package right under container_toolkit; "" is the package's own __init__.
# Its row names the rooms it may import besides itself: an arrow may only point down.
BEDROCK = {"errors", "value"}
TOOLS = {"process", "archive", "machine", "storage", "registry"} | BEDROCK
CONTRACT = {"contract"} | TOOLS
RENDEZVOUS = {"rendezvous"} | CONTRACT
FRAMEWORKS = {"frameworks"} | RENDEZVOUS
CONTENT_TYPES = {"content_types"} | CONTRACT
ALGORITHMS = {"algorithms"} | CONTENT_TYPES | RENDEZVOUS
LOCAL = {"local"} | CONTRACT
ROOMS: dict[str, set[str]] = {
    "errors": set(),
    "value": set(),
    "process": BEDROCK,
    "archive": BEDROCK,
    "machine": BEDROCK,
    "storage": BEDROCK,
    "registry": BEDROCK,
    "contract": TOOLS,
    "content_types": CONTRACT,
    "rendezvous": CONTRACT,
    "frameworks": RENDEZVOUS,
    "algorithms": CONTENT_TYPES | RENDEZVOUS,
    "training": FRAMEWORKS,
    "serving": ALGORITHMS,
    "local": CONTRACT,
    "api": LOCAL,
    "spark": LOCAL,
    "cli": LOCAL | ALGORITHMS | {"api", "spark", "serving"},
    "__main__": {"cli"},
    "": CONTRACT,  # the public API, which user code may import from the top
    "compat": CONTRACT,  # the same under the peers' names
}

# Where anything but the standard library may be imported, and always inside a function.
THIRD_PARTY = {
    "archive": {"isal"},
    "storage": {"boto3", "botocore"},
    "content_types": {"pyarrow"},
    "algorithms": {"pyarrow", "scipy", "sklearn", "xgboost"},
    "frameworks": {"torch"},
}
# What a room is built on, and may import at the top of a module.
FOUNDATION = {"content_types": {"numpy"}, "algorithms": {"numpy"}}
# The seams, which a host without numpy imports to tell what there is.
TOLD_ANYWHERE = {
    "container_toolkit.content_types",
    "container_toolkit.content_types.media_type",
    "container_toolkit.algorithms",
    "container_toolkit.algorithms.declaration",
    "container_toolkit.algorithms.xgboost",
}

# Functions that user code calls with nothing in hand; everywhere else it is passed down.
PUBLIC_API = {"container_toolkit/contract/environment.py": "load"}

# What the launch path leaves alone: each of these is milliseconds that every job waits for.
COSTLY = {
    "argparse",
    "contextlib",
    "ctypes",
    "dataclasses",
    "inspect",
    "logging",
    "pathlib",
    "selectors",
    "shutil",
    "socket",
    "subprocess",
    "tarfile",
    "tempfile",
    "threading",
    "typing",
    "zlib",
}

SOURCES = sorted(
    path
    for folder in ("container_toolkit", "benchmarks", "examples", "images")
    for path in (ROOT / folder).rglob("*.py")
)
MODULES = [path for path in SOURCES if PACKAGE in path.parents and "scaffold" not in path.parts]


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room_of(module: str) -> str:
    return [*module.split("."), ""][1]


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


class Imports(ast.NodeVisitor):
    """Every import of a module: (full name, line, inside a function, for type checkers only)."""

    def __init__(self, path: Path) -> None:
        self.found: list[tuple[str, int, bool, bool]] = []
        self.package = name_of(path) if path.name == "__init__.py" else name_of(path.parent)
        self.inside = self.typing = False
        self.visit(ast.parse(path.read_text()))

    def add(self, name: str, node: ast.stmt) -> None:
        self.found.append((name, node.lineno, self.inside, self.typing))

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self.add(alias.name, node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        above = self.package.split(".")[: -(node.level - 1) or None] if node.level else []
        module = ".".join([*above, *([node.module] if node.module else [])])
        for alias in node.names:
            self.add(f"{module}.{alias.name}", node)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        before, self.inside = self.inside, True
        self.generic_visit(node)
        self.inside = before

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_If(self, node: ast.If) -> None:
        before = self.typing
        self.typing = before or ast.unparse(node.test) == "TYPE_CHECKING"
        for statement in node.body:
            self.visit(statement)
        self.typing = before
        for statement in node.orelse:
            self.visit(statement)


def test_every_room_is_in_the_table() -> None:
    assert {room_of(name_of(path)) for path in MODULES} <= set(ROOMS)


def test_the_table_has_no_circle() -> None:
    for room, below in ROOMS.items():
        assert room not in below
        for lower in below:
            assert room not in ROOMS[lower], f"{room} and {lower} may import each other"


@pytest.mark.parametrize("path", MODULES, ids=shown)
def test_an_arrow_points_down(path: Path) -> None:
    room = room_of(name_of(path))
    wrong = []
    for name, line, _, _ in Imports(path).found:
        if name.split(".")[0] != "container_toolkit":
            continue
        other = room_of(name)
        other = other if other in ROOMS else ""  # `from container_toolkit import NAME`
        if other not in ROOMS[room] | {room}:
            wrong.append(f"{shown(path)}:{line} imports {name}")
    assert wrong == []


@pytest.mark.parametrize("path", MODULES, ids=shown)
def test_the_standard_library_is_enough(path: Path) -> None:
    room = room_of(name_of(path))
    allowed, built_on = THIRD_PARTY.get(room, set()), FOUNDATION.get(room, set())
    wrong = []
    for name, line, inside, typing in Imports(path).found:
        top = name.split(".")[0]
        known = top in sys.stdlib_module_names or top == "container_toolkit" or typing
        if not known and top not in built_on and not (inside and top in allowed):
            wrong.append(f"{shown(path)}:{line} imports {name}")
    assert wrong == []


@pytest.mark.parametrize("path", SOURCES, ids=shown)
def test_files_and_functions_stay_small(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= 300, "ask what this file is really two of"
    long = [
        f"{node.name}: {node.end_lineno - node.lineno + 1} lines"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno
        and node.end_lineno - node.lineno >= 40
    ]
    assert long == []


@pytest.mark.parametrize("path", MODULES, ids=shown)
def test_only_a_main_reads_the_environment(path: Path) -> None:
    tree = ast.parse(path.read_text())
    names = {"main", PUBLIC_API.get(shown(path), "main")}
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    mains = [node for node in functions if node.name in names]
    excused = {id(inner) for node in mains for inner in ast.walk(node)}
    readers = [
        f"{shown(path)}:{node.lineno} {ast.unparse(node)}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and ast.unparse(node) in ("os.environ", "os.getenv", "os.environb", "os.putenv")
        and id(node) not in excused
    ]
    assert readers == []


def bare_python(
    program: str, cwd: Path, *argv: str, options: tuple[str, ...] = ("-S",)
) -> dict[str, list[str]]:
    """Run a program in an interpreter with nothing on its path but this repository."""
    prelude = f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
    done = subprocess.run(
        [sys.executable, "-I", "-B", *options, "-c", prelude + program, *argv],
        cwd=cwd,
        env={"HOME": str(cwd), "TMPDIR": str(cwd)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    report: dict[str, list[str]] = json.loads(done.stdout)
    return report


# Import each module named in argv, and tell for each what it did that an import must not do.
WATCH_IMPORTS = """
import importlib, json, os, signal, threading

ACTS = ("os.", "subprocess.", "socket.", "shutil.", "tempfile.", "signal.", "fcntl.", "pty.")
PURE = ("os.listdir", "os.scandir", "os.walk", "os.fwalk")
acts = []

def watch(event, args):
    if event == "open" and isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR):
        acts.append(f"open {args[0]} for writing")
    elif event.startswith(ACTS) and event not in PURE:
        acts.append(event)

def state():
    handlers = {int(number): str(signal.getsignal(number)) for number in signal.valid_signals()}
    mask = os.umask(0); os.umask(mask)
    return {
        "environment": dict(os.environ), "signal handlers": handlers, "umask": mask,
        "threads": threading.active_count(), "folder": os.getcwd(), "hook": str(sys.excepthook),
        "descriptors": sorted(os.listdir("/proc/self/fd"))[:-1],
    }

sys.addaudithook(watch)
report = {}
for name in sys.argv[1:]:
    before, acts[:] = state(), []
    importlib.import_module(name)
    did, after = list(acts), state()
    did += [f"changed {what}" for what in before if before[what] != after[what]]
    if did:
        report[name] = did
print(json.dumps(report))
"""


def is_built_on_numpy(path: Path) -> bool:
    return room_of(name_of(path)) in FOUNDATION and name_of(path) not in TOLD_ANYWHERE


def test_importing_does_nothing(tmp_path: Path) -> None:
    anywhere = [name_of(path) for path in MODULES if not is_built_on_numpy(path)]
    assert bare_python(WATCH_IMPORTS, tmp_path, *anywhere) == {}
    assert list(tmp_path.iterdir()) == []


def test_importing_does_nothing_beyond_what_numpy_does(tmp_path: Path) -> None:
    names = [name_of(path) for path in MODULES if is_built_on_numpy(path)]
    program = "import numpy\n" + WATCH_IMPORTS
    assert bare_python(program, tmp_path, *names, options=()) == {}
    assert list(tmp_path.iterdir()) == []


def test_the_import_watch_sees_what_it_should(tmp_path: Path) -> None:
    (tmp_path / "busy.py").write_text(
        "import os, signal, threading, time\n"
        "os.environ['BUSY'] = '1'\n"
        "signal.signal(signal.SIGUSR1, signal.SIG_IGN)\n"
        "threading.Thread(target=time.sleep, args=(0.5,), daemon=True).start()\n"
        "open('made', 'w').close()\n"
    )
    program = f"sys.path.insert(0, {str(tmp_path)!r})\n" + WATCH_IMPORTS
    seen = " ".join(bare_python(program, tmp_path, "busy")["busy"])
    for what in ("made for writing", "environment", "signal handlers", "threads"):
        assert what in seen


def test_the_launch_path_imports_nothing_costly(tmp_path: Path) -> None:
    report = bare_python(
        "import container_toolkit.training.train\n"
        "import json; print(json.dumps({'modules': sorted(sys.modules)}))",
        tmp_path,
    )
    assert COSTLY & set(report["modules"]) == set()
