"""Everything that can go wrong on our side of the line, and whose it is to mend.

    ToolkitError
    ├─ UserError                    yours to fix                       exit 1
    │  ├─ UsageError                  the command line
    │  ├─ RequestError                a CreateTrainingJob request
    │  ├─ ConfigError                 a file under input/config, or a setting
    │  ├─ CodeError                   your program or its folder
    │  │  ├─ InstallRequirementsError   its requirements.txt
    │  │  └─ InstallModuleError         its package
    │  ├─ ArchiveError                a tar that can't be, or must not be, unpacked
    │  └─ DataError                   a channel's data
    ├─ AlgorithmError               a bug in a built-in                exit 2
    └─ PlatformError                machine, engine, peers             exit 3

The user's program failing is not in this tree: it is an `Outcome` with its own exit code.
A message is one sentence: what, where, what to do.
"""

from __future__ import annotations


class ToolkitError(Exception):
    """Root. `exit_code` is what a command of ours ends with when one reaches it."""

    exit_code = 1


class UserError(ToolkitError):
    """Something the person who wrote the request, configuration, code or data can mend."""


class UsageError(UserError):
    """A command line that makes no sense."""


class RequestError(UserError):
    """A CreateTrainingJob request, or one of its fields, is not valid."""


class ConfigError(UserError):
    """A configuration document or setting is not valid; names the file and the key."""


class CodeError(UserError):
    """The user's program is missing, can't be fetched, or can't be started."""


class InstallRequirementsError(CodeError):
    """`requirements.txt` could not be installed."""


class InstallModuleError(CodeError):
    """The package in the code folder could not be installed."""


class ArchiveError(UserError):
    """An archive is broken, or a member of it would leave the folder it is unpacked into."""


class DataError(UserError):
    """A channel's data is missing or not what it says it is."""


class AlgorithmError(ToolkitError):
    """A bug in an algorithm we ship."""

    exit_code = 2


class PlatformError(ToolkitError):
    """The machine, the engine or the other hosts failed us."""

    exit_code = 3
