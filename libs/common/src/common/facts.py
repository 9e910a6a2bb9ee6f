"""What an event says of itself: which fields tell something of a person, and of whom.

This module is pure so that `events.py` may import it; `personal_data` does the sealing.
"""

from dataclasses import dataclass
from typing import Annotated, Final, TypeVar
from uuid import UUID


class Unset:
    """No fallback was declared: the field's type names the natural one (`None`, `""`, `()`)."""


UNSET: Final = Unset()


@dataclass(frozen=True)
class PersonalData:
    """Marks a field that is sealed under a person's key.

    `subject` names the field that holds that person's id; without it the one marked `Subject`.
    `fallback` is what the field reads as once the person has been erased.
    """

    subject: str | None = None
    fallback: object = UNSET


@dataclass(frozen=True)
class DataSubject:
    """Marks the field that holds the id of the person whom the personal fields describe."""


T = TypeVar("T")

Personal = Annotated[T, PersonalData()]
Subject = Annotated[UUID, DataSubject()]
