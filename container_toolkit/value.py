"""`Value`: an immutable, keyword-only record that costs nothing to import.

The launch path is a wait for the user: `dataclasses` alone costs about 10 ms there (it pulls in
`inspect`), which is as long as a bare Python takes to start. A `Value` reads like a frozen
dataclass, is checked like one by type checkers, and needs no import at all.
"""

from __future__ import annotations

TYPE_CHECKING = False  # importing it from typing would cost 3 ms; checkers know it by name
if TYPE_CHECKING:
    from typing import Any, TypeVar

    from typing_extensions import dataclass_transform

    Self = TypeVar("Self", bound="Value")
else:

    def dataclass_transform(**_options):
        return lambda cls: cls


@dataclass_transform(kw_only_default=True, frozen_default=True)
class Value:
    """Subclass with annotated fields, and defaults where a field has one."""

    _fields: tuple[str, ...] = ()

    def __init_subclass__(cls) -> None:
        # inspect.get_annotations, which ruff would have, is the very import this module avoids.
        annotated = cls.__dict__.get("__annotations__", {})  # noqa: RUF063
        own = (name for name in annotated if name[0] != "_")
        cls._fields = (*cls._fields, *own)

    def __init__(self, **fields: Any) -> None:
        for name in self._fields:
            if name in fields:
                self.__dict__[name] = fields.pop(name)
            elif not hasattr(type(self), name):
                raise TypeError(f"{type(self).__name__} needs {name}=")
        if fields:
            raise TypeError(f"{type(self).__name__} has no field {', '.join(fields)}")

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is immutable: {name} can't be set")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} is immutable: {name} can't be deleted")

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and all(
            getattr(self, name) == getattr(other, name) for name in self._fields
        )

    def __hash__(self) -> int:
        return hash((type(self), *(getattr(self, name) for name in self._fields)))

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in self._fields)
        return f"{type(self).__name__}({shown})"


def replace(value: Self, **changes: Any) -> Self:
    """A copy of `value` with some fields changed."""
    return type(value)(**{name: getattr(value, name) for name in value._fields} | changes)
