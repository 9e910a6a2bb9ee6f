"""A profile: filled in, changed, shown with a picture, gone with its account."""

from dataclasses import replace

from auth.profiles.commands import ChangeProfile, SetAvatar
from auth.profiles.decider import PROFILE, TooManyPreferences
from auth.profiles.events import NOTHING, AvatarSet, ProfileChanged
from auth.profiles.examples import (
    ACCOUNT_ID,
    AT,
    AVATAR_REMOVED,
    AVATAR_SET,
    CHANGE,
    CHANGED,
    DETAILS,
    ERASE,
    ERASED,
    NEXT_PICTURE_ID,
    PICTURE_ID,
    PORTRAIT,
    REMOVE_AVATAR,
    SET_AVATAR,
)
from common.problems import NotFound
from common.testing.scenario import Scenario

profile = Scenario(PROFILE)


def test_a_profile_is_filled_in_once() -> None:
    profile.given().when(CHANGE).then(CHANGED)
    profile.given(CHANGED).when(CHANGE).then()


def test_what_a_change_does_not_name_stays() -> None:
    moved = ChangeProfile(ACCOUNT_ID, (("company", None),), AT)
    after = ProfileChanged(ACCOUNT_ID, replace(DETAILS, company=None), AT)
    profile.given(CHANGED).when(moved).then(after)


def test_a_preference_is_set_or_dropped_beside_the_others() -> None:
    merge = ChangeProfile(ACCOUNT_ID, (), AT, (("theme", None), ("rows", 50)))
    preferences = {"newsletter": False, "rows": 50}
    after = ProfileChanged(ACCOUNT_ID, replace(DETAILS, preferences=preferences), AT)
    profile.given(CHANGED).when(merge).then(after)


def test_emptying_an_empty_profile_changes_nothing() -> None:
    profile.given().when(ChangeProfile(ACCOUNT_ID, tuple(vars(NOTHING).items()), AT)).then()


def test_preferences_do_not_grow_without_end() -> None:
    many = {f"key{n}": n for n in range(51)}
    profile.given().when(ChangeProfile(ACCOUNT_ID, (("preferences", many),), AT)).then_refused(
        TooManyPreferences
    )


def test_a_picture_names_the_one_that_it_replaces() -> None:
    profile.given().when(SET_AVATAR).then(AVATAR_SET)
    profile.given(AVATAR_SET).when(SET_AVATAR).then()
    other = SetAvatar(ACCOUNT_ID, NEXT_PICTURE_ID, PORTRAIT, AT)
    profile.given(AVATAR_SET).when(other).then(
        AvatarSet(ACCOUNT_ID, NEXT_PICTURE_ID, PICTURE_ID, PORTRAIT, AT)
    )


def test_a_picture_is_removed_once() -> None:
    profile.given(AVATAR_SET).when(REMOVE_AVATAR).then(AVATAR_REMOVED)
    profile.given(AVATAR_SET, AVATAR_REMOVED).when(REMOVE_AVATAR).then()


def test_a_profile_goes_with_its_account_also_an_empty_one_and_once() -> None:
    profile.given().when(ERASE).then(ERASED)
    profile.given(CHANGED, AVATAR_SET).when(ERASE).then(ERASED)
    profile.given(CHANGED, ERASED).when(ERASE).then()


def test_an_erased_profile_takes_nothing_any_more() -> None:
    for command in (CHANGE, SET_AVATAR, REMOVE_AVATAR):
        profile.given(ERASED).when(command).then_refused(NotFound)
