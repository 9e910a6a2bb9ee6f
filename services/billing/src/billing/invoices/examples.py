"""One good example of each message of an invoice: for tests, contracts and documents."""

from datetime import UTC, datetime
from uuid import UUID, uuid5

from common.money import Money

from billing.documents import Activation, Line, Party, TaxRate
from billing.invoices.commands import (
    DisputeInvoice,
    DraftInvoice,
    FinaliseInvoice,
    IssueInvoice,
    PayBackRefund,
    PayInvoice,
    RequestRefund,
    RetryRefund,
    SettleRefund,
    VoidInvoice,
)
from billing.invoices.events import (
    CreditNoteIssued,
    InvoiceDisputed,
    InvoiceDisputeLost,
    InvoiceDisputeWon,
    InvoiceDrafted,
    InvoiceFinalised,
    InvoiceOverdue,
    InvoicePaid,
    InvoiceUncollectible,
    InvoiceVoided,
    RefundFailed,
    RefundPaidBack,
    RefundRequested,
    RefundRetried,
    RefundReturned,
    RefundSent,
)

INVOICE_ID = UUID("01990000-0000-7000-8000-00000000f001")
ACCOUNT_ID = UUID("01990000-0000-7000-8000-00000000a001")
SUBSCRIPTION_ID = UUID("01990000-0000-7000-8000-00000000e001")
PAYMENT_ID = UUID("01990000-0000-7000-8000-00000000f101")
REFUND_ID = UUID("01990000-0000-7000-8000-00000000f201")
BOOKS_ID = uuid5(ACCOUNT_ID, "books")
AT = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
DUE = datetime(2026, 2, 14, 12, 0, tzinfo=UTC)
LATER = datetime(2026, 2, 20, 9, 30, tzinfo=UTC)
WHO = (INVOICE_ID, ACCOUNT_ID)

TOTAL = Money(1200, "EUR")
LINE = Line(
    line_id=uuid5(INVOICE_ID, "line/0"),
    text="Pro",
    amount=TOTAL,
    behaviour="inclusive",
    rate=TaxRate("IE", 2300),
    starts_at=AT,
    ends_at=datetime(2026, 2, 28, 12, 0, tzinfo=UTC),
    activation=Activation("start", SUBSCRIPTION_ID),
)
SELLER = Party("Cartulary Ltd.", "1 Chancery Lane, Dublin", "IE", "IE6388047V")
CUSTOMER = Party("Ada Lovelace", "12 St James's Square, London", "GB", None, "ada@example.org")

DRAFT = DraftInvoice(*WHO, "checkout", SUBSCRIPTION_ID, "stripe", (LINE,), AT)
FINALISE = FinaliseInvoice("INV-2026-000001", BOOKS_ID, SELLER, CUSTOMER, DUE, AT)
ISSUE = IssueInvoice(DRAFT, FINALISE)
PAY = PayInvoice(PAYMENT_ID, TOTAL, LATER)
VOID = VoidInvoice("expired", LATER)
REFUND = RequestRefund(REFUND_ID, Money(500, "EUR"), "requested_by_customer", LATER)
REFUND_DONE = SettleRefund(
    REFUND_ID, "re_1", Money(500, "EUR"), "succeeded", "", "CN-2026-000001", LATER
)

DRAFTED = InvoiceDrafted(
    *WHO,
    "checkout",
    SUBSCRIPTION_ID,
    "stripe",
    (LINE,),
    Money(976, "EUR"),
    Money(224, "EUR"),
    TOTAL,
    AT,
)
FINALISED = InvoiceFinalised(*WHO, BOOKS_ID, "INV-2026-000001", SELLER, CUSTOMER, TOTAL, AT, DUE)
PAID = InvoicePaid(*WHO, PAYMENT_ID, TOTAL, LATER)
VOIDED = InvoiceVoided(*WHO, "expired", LATER)
UNCOLLECTIBLE = InvoiceUncollectible(*WHO, LATER)
OVERDUE = InvoiceOverdue(*WHO, DUE, LATER)
REFUND_REQUESTED = RefundRequested(
    *WHO, REFUND_ID, PAYMENT_ID, Money(500, "EUR"), "requested_by_customer", LATER
)
REFUND_SENT = RefundSent(*WHO, REFUND_ID, "re_1", LATER)
REFUND_FAILED = RefundFailed(*WHO, REFUND_ID, "refund_failed", LATER)
CREDIT_NOTE = CreditNoteIssued(
    *WHO,
    REFUND_ID,
    "CN-2026-000001",
    Money(500, "EUR"),
    "requested_by_customer",
    False,
    LATER,
)

RETRY = RetryRefund(REFUND_ID, LATER)
PAY_BACK = PayBackRefund(REFUND_ID, "Statement 12, line 7", LATER)
REFUND_RETURNED = RefundReturned(*WHO, REFUND_ID, Money(500, "EUR"), "refund_failed", LATER)
REFUND_RETRIED = RefundRetried(*WHO, REFUND_ID, LATER)
REFUND_PAID_BACK = RefundPaidBack(*WHO, REFUND_ID, "transfer", "Statement 12, line 7", LATER)

DISPUTE = DisputeInvoice("dp_1", TOTAL, "open", REFUND_ID, None, LATER)
DISPUTED = InvoiceDisputed(*WHO, PAYMENT_ID, "dp_1", TOTAL, LATER)
DISPUTE_WON = InvoiceDisputeWon(*WHO, "dp_1", LATER)
DISPUTE_LOST = InvoiceDisputeLost(*WHO, "dp_1", TOTAL, LATER)

EVENTS = (
    *(DRAFTED, FINALISED, PAID, VOIDED, UNCOLLECTIBLE, OVERDUE),
    *(REFUND_REQUESTED, REFUND_SENT, REFUND_FAILED, CREDIT_NOTE),
    *(REFUND_RETURNED, REFUND_RETRIED, REFUND_PAID_BACK),
    *(DISPUTED, DISPUTE_WON, DISPUTE_LOST),
)
