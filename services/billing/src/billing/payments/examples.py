"""One good example of each message of a payment: for tests, contracts and documents."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from common.money import Money

from billing.payments.commands import StartPayment
from billing.payments.events import (
    PaymentDeclined,
    PaymentHeld,
    PaymentNotAttempted,
    PaymentPageOpened,
    PaymentPending,
    PaymentStarted,
    PaymentSucceeded,
    PaymentUnknown,
)

PAYMENT_ID = UUID("01990000-0000-7000-8000-00000000f101")
INVOICE_ID = UUID("01990000-0000-7000-8000-00000000f001")
ACCOUNT_ID = UUID("01990000-0000-7000-8000-00000000a001")
METHOD_ID = UUID("01990000-0000-7000-8000-00000000f301")
AT = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
LATER = datetime(2026, 1, 31, 12, 5, tzinfo=UTC)
WHO = (PAYMENT_ID, INVOICE_ID, ACCOUNT_ID)
AMOUNT = Money(1200, "EUR")
KEY = f"pay:{INVOICE_ID}:1"

START = StartPayment(*WHO, 1, "stripe", "saved_method", METHOD_ID, True, AMOUNT, AT)

STARTED = PaymentStarted(*WHO, 1, "stripe", "saved_method", METHOD_ID, True, AMOUNT, KEY, AT)
PAGE_OPENED = PaymentPageOpened(
    *WHO, "cs_1", "https://pay.example/cs_1", AT + timedelta(hours=22), AT
)
PENDING = PaymentPending(
    *WHO, "pi_1", "https://bank.example/pi_1", LATER + timedelta(days=1), LATER
)
UNKNOWN = PaymentUnknown(*WHO, None, LATER + timedelta(minutes=5), LATER)
SUCCEEDED = PaymentSucceeded(*WHO, "pi_1", AMOUNT, LATER)
HELD = PaymentHeld(*WHO, "pi_1", Money(1199, "EUR"), "wrong_amount", LATER)
DECLINED = PaymentDeclined(*WHO, "pi_1", "insufficient_funds", False, True, LATER)
NOT_ATTEMPTED = PaymentNotAttempted(*WHO, "page_expired", False, LATER)

EVENTS = (STARTED, PAGE_OPENED, PENDING, UNKNOWN, SUCCEEDED, HELD, DECLINED, NOT_ATTEMPTED)
