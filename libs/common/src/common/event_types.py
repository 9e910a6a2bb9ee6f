"""Stored name ↔ class: what was written years ago can still be read, whatever was renamed since."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import cached_property
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from pydantic import TypeAdapter

from common.facts import UNSET, DataSubject, PersonalData, Unset

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]
"""The data of one schema as the next schema would have written it; pure."""


class UnknownEventType(Exception):
    """The log holds a type or schema that this code does not know: it is older than the log."""


@dataclass(frozen=True)
class PersonalField:
    """A field to seal: of whom it tells, and what it reads as after erasure."""

    name: str
    subject: str
    fallback: object


@dataclass(frozen=True)
class EventType:
    """One class of events and how it is written; made ready with the first event that comes.

    A process meets few of a service's types, and what pydantic makes of one is large.
    """

    name: str
    schema: int
    cls: type
    personal: tuple[PersonalField, ...]

    @cached_property
    def _adapter(self) -> TypeAdapter[Any]:
        return TypeAdapter(self.cls)

    @cached_property
    def _validate(self) -> Callable[[dict[str, Any]], Any]:
        return self._adapter.validator.validate_python

    def dump(self, event: object) -> dict[str, Any]:
        """The event as JSON-ready values."""
        data: dict[str, Any] = self._adapter.dump_python(event, mode="json")
        return data

    def load(self, data: dict[str, Any]) -> Any:
        """The event of these values, whose schema is the current one."""
        for field in self.personal:
            if data.get(field.name) is None:
                data[field.name] = field.fallback
        return self._validate(data)


class EventTypes:
    """All events of one service, made from the aggregates' unions."""

    def __init__(
        self, *unions: object, upcasters: Mapping[tuple[str, int], Upcaster] | None = None
    ) -> None:
        """`upcasters` maps (type name, schema) to the step that leads to the next schema."""
        self._by_class: dict[type, EventType] = {}
        self._by_name: dict[str, EventType] = {}
        self._upcasters = dict(upcasters or {})
        for cls in (cls for union in unions for cls in classes_of(union)):
            event_type = _describe(cls)
            if event_type.name in self._by_name:
                raise ValueError(f"two event classes are named {event_type.name}")
            self._by_class[cls] = self._by_name[event_type.name] = event_type

    def __iter__(self) -> Iterator[EventType]:
        return iter(self._by_class.values())

    def of(self, event: object) -> EventType:
        """How this event is written."""
        return self._by_class[type(event)]

    def named(self, name: str) -> EventType:
        """The type with this stored name. Raises `UnknownEventType`."""
        try:
            return self._by_name[name]
        except KeyError:
            raise UnknownEventType(f"no event type is named {name}") from None

    def load(self, name: str, schema: int, data: dict[str, Any]) -> Any:
        """The event that was stored under this name and schema, lifted to the current one."""
        event_type = self._by_name.get(name) or self.named(name)
        while schema < event_type.schema:
            data = self._upcaster(name, schema)(data)
            schema += 1
        if schema > event_type.schema:
            raise UnknownEventType(
                f"{name} has schema {schema}; this code knows {event_type.schema}"
            )
        return event_type.load(data)

    def _upcaster(self, name: str, schema: int) -> Upcaster:
        try:
            return self._upcasters[name, schema]
        except KeyError:
            raise UnknownEventType(f"{name} has no upcaster from schema {schema}") from None


def classes_of(union: object) -> tuple[type, ...]:
    """The members of a union of classes, or the one class itself."""
    if get_origin(union) in (Union, UnionType):
        return tuple(cls for member in get_args(union) for cls in classes_of(member))
    if isinstance(union, type):
        return (union,)
    raise TypeError(f"a class or a union of classes is needed, not {union!r}")


def _describe(cls: type) -> EventType:
    if not is_dataclass(cls):
        raise TypeError(f"{cls.__name__} is no dataclass")
    hints = get_type_hints(cls, include_extras=True)
    marks = {f.name: _marks(hints[f.name]) for f in fields(cls)}
    subjects = [name for name, found in marks.items() if DataSubject in map(type, found)]
    personal = tuple(
        PersonalField(name, mark.subject or _only(subjects, cls), _fallback(mark, hints[name], cls))
        for name, found in marks.items()
        for mark in found
        if isinstance(mark, PersonalData)
    )
    name: str = cls.type_name  # type: ignore[attr-defined] # a ClassVar that every event declares
    return EventType(name, getattr(cls, "schema", 1), cls, personal)


def _marks(hint: object) -> tuple[object, ...]:
    return get_args(hint)[1:] if get_origin(hint) is Annotated else ()


def _only(subjects: list[str], cls: type) -> str:
    if len(subjects) != 1:
        raise TypeError(
            f"{cls.__name__} needs one Subject field, or personal fields that name theirs"
        )
    return subjects[0]


def _fallback(mark: PersonalData, hint: object, cls: type) -> object:
    if not isinstance(mark.fallback, Unset):
        return mark.fallback
    plain = get_args(hint)[0]
    if NoneType in get_args(plain):
        return None
    natural: dict[object, object] = {str: "", tuple: (), UNSET: UNSET}
    origin = get_origin(plain) or plain
    if origin not in natural:
        raise TypeError(f"{cls.__name__} needs a fallback for a personal field of type {plain}")
    return natural[origin]
