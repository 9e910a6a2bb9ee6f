"""One good example of each message of a payment: for tests, contracts and documents."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from common.money import Money

from billing.payments.commands import (
    AcceptHeld,
    NoteDispute,
    RefundHeld,
    SettlePaymentRefund,
    StartPayment,
)
from billing.payments.events import (
    DisputeLost,
    DisputeWon,
    PaymentAccepted,
    PaymentDeclined,
    PaymentDisputed,
    PaymentHeld,
    PaymentNotAttempted,
    PaymentPageOpened,
    PaymentPending,
    PaymentRefunded,
    PaymentRefundFailed,
    PaymentRefundRequested,
    PaymentRefundSent,
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

REFUND_ID = UUID("01990000-0000-7000-8000-00000000f201")
MUCH, OVER = Money(1500, "EUR"), Money(300, "EUR")
HELD_MUCH = PaymentHeld(*WHO, "pi_1", MUCH, "wrong_amount", LATER)
ACCEPT = AcceptHeld(REFUND_ID, AMOUNT, LATER)
REFUND = RefundHeld(REFUND_ID, "requested_by_customer", LATER)
REFUND_DONE = SettlePaymentRefund(REFUND_ID, "re_1", OVER, "succeeded", "overpaid", LATER)
DISPUTE = NoteDispute("dp_1", AMOUNT, "open", LATER)

ACCEPTED = PaymentAccepted(*WHO, AMOUNT, OVER, LATER)
REFUND_REQUESTED = PaymentRefundRequested(*WHO, REFUND_ID, OVER, "overpaid", LATER)
REFUND_SENT = PaymentRefundSent(*WHO, REFUND_ID, "re_1", LATER)
REFUND_FAILED = PaymentRefundFailed(*WHO, REFUND_ID, OVER, "refund_failed", LATER)
REFUNDED = PaymentRefunded(*WHO, REFUND_ID, OVER, LATER)
DISPUTED = PaymentDisputed(*WHO, "dp_1", AMOUNT, LATER)
WON = DisputeWon(*WHO, "dp_1", AMOUNT, LATER)
LOST = DisputeLost(*WHO, "dp_1", AMOUNT, LATER)

EVENTS = (
    *(STARTED, PAGE_OPENED, PENDING, UNKNOWN, SUCCEEDED, HELD, DECLINED, NOT_ATTEMPTED),
    *(ACCEPTED, REFUND_REQUESTED, REFUND_SENT, REFUND_FAILED, REFUNDED),
    *(DISPUTED, WON, LOST),
)
