"""One good example of each message of an address: for tests, contracts and documents."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from auth.addresses.commands import (
    ConfirmEmailChange,
    ReleaseFormerAddress,
    RequestEmailChange,
    RequestEmailVerification,
    UndoEmailChange,
    VerifyEmail,
)
from auth.addresses.events import (
    EmailChanged,
    EmailChangeRequested,
    EmailChangeUndone,
    EmailChangeWithdrawn,
    EmailVerificationRequested,
    EmailVerified,
    FormerAddressReleased,
)

ACCOUNT_ID = UUID("01990000-0000-7000-8000-00000000a001")
VERIFICATION_ID = UUID("01990000-0000-7000-8000-00000000a101")
AGAIN_ID = UUID("01990000-0000-7000-8000-00000000a103")
CHANGE_ID = UUID("01990000-0000-7000-8000-00000000a104")
UNDO_RESET_ID = UUID("01990000-0000-7000-8000-00000000a105")
AT = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
LATER = AT + timedelta(minutes=10)
UNDO_UNTIL = LATER + timedelta(days=7)
OLD, OLD_INDEX = "ada@example.org", "0f5c"
NEW, NEW_INDEX = "countess@example.org", "77aa"

VERIFY = VerifyEmail(ACCOUNT_ID, VERIFICATION_ID, LATER)
VERIFY_AGAIN = RequestEmailVerification(ACCOUNT_ID, AGAIN_ID, LATER)
REQUEST_CHANGE = RequestEmailChange(ACCOUNT_ID, CHANGE_ID, NEW, NEW_INDEX, AT)
CONFIRM = ConfirmEmailChange(ACCOUNT_ID, CHANGE_ID, LATER)
UNDO = UndoEmailChange(ACCOUNT_ID, CHANGE_ID, UNDO_RESET_ID, LATER)
RELEASE = ReleaseFormerAddress(ACCOUNT_ID, CHANGE_ID, UNDO_UNTIL)

VERIFICATION_REQUESTED = EmailVerificationRequested(ACCOUNT_ID, AGAIN_ID, LATER)
VERIFIED = EmailVerified(ACCOUNT_ID, LATER)
CHANGE_REQUESTED = EmailChangeRequested(ACCOUNT_ID, CHANGE_ID, NEW, NEW_INDEX, OLD, AT)
CHANGED = EmailChanged(ACCOUNT_ID, CHANGE_ID, NEW, NEW_INDEX, OLD, OLD_INDEX, UNDO_UNTIL, LATER)
WITHDRAWN = EmailChangeWithdrawn(ACCOUNT_ID, CHANGE_ID, LATER)
UNDONE = EmailChangeUndone(ACCOUNT_ID, CHANGE_ID, OLD, OLD_INDEX, (NEW_INDEX,), LATER)
RELEASED = FormerAddressReleased(ACCOUNT_ID, CHANGE_ID, OLD_INDEX, UNDO_UNTIL)

EVENTS = (
    VERIFICATION_REQUESTED,
    VERIFIED,
    CHANGE_REQUESTED,
    CHANGED,
    WITHDRAWN,
    UNDONE,
    RELEASED,
)
