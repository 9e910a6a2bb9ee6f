"""One good example of each message of a subscription: for tests, contracts and documents."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from common.money import Money

from billing.documents import PaidPart, TaxRate
from billing.subscription_rules.backdating import SubscriptionBackdated
from billing.subscription_rules.set_aside import MoneySetAside
from billing.subscription_rules.states import Span, Upgrade
from billing.subscriptions.commands import (
    ActivateSubscription,
    CancelSubscription,
    CreateSubscription,
    EndPeriod,
    NoteFailedPayment,
    RenewSubscription,
)
from billing.subscriptions.events import (
    CancellationScheduled,
    CancellationWithdrawn,
    OrderWithdrawn,
    PauseScheduled,
    PauseWithdrawn,
    PeriodInvoiced,
    PlanChanged,
    PlanChangeScheduled,
    PlanChangeWithdrawn,
    ResumptionInvoiced,
    SubscriptionActivated,
    SubscriptionCreated,
    SubscriptionEnded,
    SubscriptionExtended,
    SubscriptionPastDue,
    SubscriptionPaused,
    SubscriptionRenewed,
    SubscriptionResumed,
    SubscriptionUnpaid,
    TrialEndAnnounced,
    TrialEnded,
    TrialStarted,
    UpgradeInvoiced,
    UpgradeReversed,
)
from billing.terms import PlanTerms, Term

SUBSCRIPTION_ID = UUID("01990000-0000-7000-8000-00000000e001")
ACCOUNT_ID = UUID("01990000-0000-7000-8000-00000000a001")
STRANGER_ID = UUID("01990000-0000-7000-8000-00000000a002")
PLAN_ID = UUID("01990000-0000-7000-8000-00000000d001")
DEARER_ID = UUID("01990000-0000-7000-8000-00000000d002")
CATEGORY_ID = UUID("01990000-0000-7000-8000-00000000d101")
INVOICE_ID = UUID("01990000-0000-7000-8000-00000000f001")
NEXT_INVOICE_ID = UUID("01990000-0000-7000-8000-00000000f002")
AT = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
END = datetime(2026, 2, 28, 12, 0, tzinfo=UTC)
NEXT_END = datetime(2026, 3, 31, 12, 0, tzinfo=UTC)
LATER = datetime(2026, 2, 10, 9, 30, tzinfo=UTC)
EXPIRES = AT + timedelta(hours=23)
WHO = (SUBSCRIPTION_ID, ACCOUNT_ID)

TERMS = PlanTerms(
    plan_id=PLAN_ID,
    slug="pro-monthly",
    name="Pro",
    price_version=1,
    price=Money(1200, "EUR"),
    tax="inclusive",
    term=Term("month"),
    family="pro",
    trial_days=14,
    single_in=(CATEGORY_ID,),
    features=("statistics",),
    limits=(("cards.max", 10),),
)
DEARER = PlanTerms(
    plan_id=DEARER_ID,
    slug="team-monthly",
    name="Team",
    price_version=1,
    price=Money(4900, "EUR"),
    tax="inclusive",
    term=Term("month"),
    family="team",
)
RATE = TaxRate("IE", 2300)
SPAN = Span(AT, 0, AT, END)
NEXT_SPAN = Span(AT, 1, END, NEXT_END)
PAID = PaidPart(Money(1200, "EUR"), "inclusive", RATE, AT, END)
NEXT_PAID = PAID.over(END, NEXT_END)
UPGRADE = Upgrade(
    INVOICE_ID, DEARER, PaidPart(Money(3000, "EUR"), "inclusive", RATE, LATER, END), False
)

CREATE = CreateSubscription(*WHO, TERMS, "stripe", False, False, INVOICE_ID, EXPIRES, AT)
ACTIVATE = ActivateSubscription(INVOICE_ID, PAID, AT)
END_PERIOD = EndPeriod(END, NEXT_INVOICE_ID, True, (), END)
RENEW = RenewSubscription(NEXT_INVOICE_ID, PAID, END)
DECLINE = NoteFailedPayment(NEXT_INVOICE_ID, "insufficient_funds", False, END)
CANCEL = CancelSubscription(ACCOUNT_ID, "period_end", LATER)

CREATED = SubscriptionCreated(*WHO, TERMS, "stripe", False, INVOICE_ID, EXPIRES, AT)
TRIAL_STARTED = TrialStarted(*WHO, "pro", AT, AT + timedelta(days=14))
TRIAL_END_ANNOUNCED = TrialEndAnnounced(*WHO, AT + timedelta(days=14), AT + timedelta(days=11))
TRIAL_ENDED = TrialEnded(*WHO, "charged", AT + timedelta(days=14))
ACTIVATED = SubscriptionActivated(*WHO, TERMS, INVOICE_ID, PAID, SPAN, AT)
PERIOD_INVOICED = PeriodInvoiced(*WHO, NEXT_INVOICE_ID, TERMS, NEXT_SPAN, END)
RENEWED = SubscriptionRenewed(*WHO, TERMS, NEXT_INVOICE_ID, NEXT_PAID, NEXT_SPAN, None, END)
PAST_DUE = SubscriptionPastDue(
    *WHO, NEXT_INVOICE_ID, 1, "insufficient_funds", END, END + timedelta(days=1), END
)
UNPAID = SubscriptionUnpaid(*WHO, NEXT_INVOICE_ID, "stolen_card", END + timedelta(days=7), END)
ENDED = SubscriptionEnded(*WHO, "cancelled", END)
CANCELLATION = CancellationScheduled(*WHO, END, LATER)
CANCELLATION_WITHDRAWN = CancellationWithdrawn(*WHO, LATER)
CHANGE = PlanChangeScheduled(*WHO, TERMS, END, LATER)
CHANGE_WITHDRAWN = PlanChangeWithdrawn(*WHO, LATER)
UPGRADE_INVOICED = UpgradeInvoiced(*WHO, UPGRADE, LATER)
ORDER_WITHDRAWN = OrderWithdrawn(*WHO, INVOICE_ID, LATER)
PLAN_CHANGED = PlanChanged(*WHO, DEARER, INVOICE_ID, UPGRADE.paid, SPAN, LATER)
PAUSE = PauseScheduled(*WHO, END, LATER)
PAUSE_WITHDRAWN = PauseWithdrawn(*WHO, LATER)
PAUSED = SubscriptionPaused(*WHO, END)
RESUMPTION_INVOICED = ResumptionInvoiced(*WHO, NEXT_INVOICE_ID, LATER)
RESUMED = SubscriptionResumed(*WHO, TERMS, NEXT_INVOICE_ID, NEXT_PAID, NEXT_SPAN, END)

UPGRADE_REVERSED = UpgradeReversed(*WHO, INVOICE_ID, TERMS, PAID, SPAN, LATER)
BACKDATED = SubscriptionBackdated(*WHO, AT - timedelta(days=40), AT)
SET_ASIDE = MoneySetAside(*WHO, INVOICE_ID, Money(300, "EUR"), False, LATER)
EXTENDED_END = END + timedelta(days=30)
EXTENDED = SubscriptionExtended(
    *WHO,
    30,
    False,
    PAID.over(AT, EXTENDED_END),
    Span(EXTENDED_END, -1, AT, EXTENDED_END),
    LATER,
)

EVENTS = (
    *(CREATED, TRIAL_STARTED, TRIAL_END_ANNOUNCED, TRIAL_ENDED, ACTIVATED, PERIOD_INVOICED),
    *(RENEWED, PAST_DUE, UNPAID, ENDED, CANCELLATION, CANCELLATION_WITHDRAWN, CHANGE),
    *(CHANGE_WITHDRAWN, UPGRADE_INVOICED, ORDER_WITHDRAWN, PLAN_CHANGED, PAUSE),
    *(PAUSE_WITHDRAWN, PAUSED, RESUMPTION_INVOICED, RESUMED, UPGRADE_REVERSED, EXTENDED),
    *(SET_ASIDE, BACKDATED),
)
