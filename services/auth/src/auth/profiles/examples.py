"""One good example of each message of a profile: for tests, contracts and documents."""

from datetime import UTC, datetime
from uuid import UUID

from auth.profiles.commands import ChangeProfile, EraseProfile, RemoveAvatar, SetAvatar
from auth.profiles.events import (
    AvatarRemoved,
    AvatarSet,
    BillingAddress,
    ProfileChanged,
    ProfileDetails,
    ProfileErased,
)

ACCOUNT_ID = UUID("01990000-0000-7000-8000-00000000a001")
PICTURE_ID = UUID("01990000-0000-7000-8000-00000000c001")
NEXT_PICTURE_ID = UUID("01990000-0000-7000-8000-00000000c002")
AT = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)

PORTRAIT = (
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDACgcHiMeGSgjISMtKygwPGRBPDc3PHtYXUlkkYCZlo+AjIqgtObDoKrarY"
    "qMyP/L2u71////m8H////6/+b9//j/2wBDASstLTw1PHZBQXb4pYyl+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4"
    "+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj4+Pj/wAARCAAIAAgDASIAAhEBAxEB/8QAFQABAQAAAAAAAAAAAAAAAAAAAAP/xA"
    "AUEAEAAAAAAAAAAAAAAAAAAAAA/8QAFQEBAQAAAAAAAAAAAAAAAAAAAgP/xAAUEQEAAAAAAAAAAAAAAAAAAAAA/9oA"
    "DAMBAAIRAxEAPwCIBpv/2Q=="
)
"""A JPEG of eight by eight pixels in base64."""

DETAILS = ProfileDetails(
    company="Analytical Engines Ltd",
    billing_address=BillingAddress(
        line1="12 St James's Square", city="London", country="GB", postal_code="SW1Y 4JH"
    ),
    vat_number="GB123456789",
    phone="+44 20 7946 0958",
    preferences={"newsletter": False, "theme": "dark"},
)

CHANGE = ChangeProfile(ACCOUNT_ID, tuple(vars(DETAILS).items()), AT)
SET_AVATAR = SetAvatar(ACCOUNT_ID, PICTURE_ID, PORTRAIT, AT)
REMOVE_AVATAR = RemoveAvatar(ACCOUNT_ID, AT)
ERASE = EraseProfile(ACCOUNT_ID, AT)

CHANGED = ProfileChanged(ACCOUNT_ID, DETAILS, AT)
AVATAR_SET = AvatarSet(ACCOUNT_ID, PICTURE_ID, None, PORTRAIT, AT)
AVATAR_REMOVED = AvatarRemoved(ACCOUNT_ID, PICTURE_ID, AT)
ERASED = ProfileErased(ACCOUNT_ID, AT)

EVENTS = (CHANGED, AVATAR_REMOVED, AVATAR_SET, ERASED)
"""Of those that become the same message the last is the one to record: it says the most."""
