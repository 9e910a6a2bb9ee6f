"""The rules of a profile: pure. Every account has one from the start, an empty one."""

from dataclasses import dataclass, replace
from typing import assert_never
from uuid import UUID

from common.decider import Decider
from common.problems import Invalid, NotFound

from auth.profiles.commands import (
    ChangeProfile,
    EraseProfile,
    ProfileCommand,
    RemoveAvatar,
    SetAvatar,
)
from auth.profiles.events import (
    NOTHING,
    AvatarRemoved,
    AvatarSet,
    ProfileChanged,
    ProfileDetails,
    ProfileErased,
    ProfileEvent,
)

MOST_PREFERENCES = 50


class TooManyPreferences(Invalid):
    """More than clients need."""

    code = "too_many_preferences"
    detail = f"A profile keeps at most {MOST_PREFERENCES} preferences."


@dataclass(frozen=True)
class Profile:
    """What is known of somebody, and the picture that they show."""

    details: ProfileDetails = NOTHING
    picture_id: UUID | None = None


@dataclass(frozen=True)
class Erased:
    """Somebody whom we have forgotten."""


ProfileState = Profile | Erased


def decide(command: ProfileCommand, state: ProfileState) -> list[ProfileEvent]:
    """What follows from a command. Raises `TooManyPreferences` and, once erased, `NotFound`."""
    if isinstance(state, Erased):
        if isinstance(command, EraseProfile):
            return []
        raise NotFound
    match command:
        case ChangeProfile():
            return _change(command, state)
        case SetAvatar() | RemoveAvatar():
            return _show(command, state)
        case EraseProfile(account_id, now):
            return [ProfileErased(account_id, now)]
        case _:
            assert_never(command)


def _change(command: ChangeProfile, state: Profile) -> list[ProfileEvent]:
    details = replace(state.details, **dict(command.changes))
    merged = {**details.preferences, **dict(command.preferences)}
    preferences = {name: value for name, value in merged.items() if value is not None}
    if len(preferences) > MOST_PREFERENCES:
        raise TooManyPreferences
    details = replace(details, preferences=preferences)
    if details == state.details:
        return []
    return [ProfileChanged(command.account_id, details, command.now)]


def _show(command: SetAvatar | RemoveAvatar, state: Profile) -> list[ProfileEvent]:
    shown, id, now = state.picture_id, command.account_id, command.now
    if isinstance(command, SetAvatar):
        if command.picture_id == shown:
            return []
        return [AvatarSet(id, command.picture_id, shown, command.portrait, now)]
    return [] if shown is None else [AvatarRemoved(id, shown, now)]


def evolve(state: ProfileState, event: ProfileEvent) -> ProfileState:
    """The state after one more event."""
    if isinstance(state, Erased):
        return state
    match event:
        case ProfileChanged():
            return replace(state, details=event.details)
        case AvatarSet():
            return replace(state, picture_id=event.picture_id)
        case AvatarRemoved():
            return replace(state, picture_id=None)
        case ProfileErased():
            return Erased()
        case _:
            assert_never(event)


PROFILE: Decider[ProfileCommand, ProfileState, ProfileEvent] = Decider(
    "profile", Profile(), decide, evolve
)
