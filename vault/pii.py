"""Personal values and secrets as a type that does not print itself."""

from typing import Generic, TypeVar

Value = TypeVar("Value")


class Pii(Generic[Value]):
    """Holds a number, a name, an attribute, a token or a key; every way of printing it gives dots.

    `reveal()` is the one way to the value, so that each place that uses it can be found by its name."""

    __slots__ = ("_value",)

    def __init__(self, value: Value) -> None:
        self._value = value

    def reveal(self) -> Value:
        return self._value

    def __repr__(self) -> str:
        return "•••"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format("•••", spec)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Pii) and self._value == other._value

    def __hash__(self) -> int:
        return hash((Pii, self._value))

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a personal value is not pickled")
