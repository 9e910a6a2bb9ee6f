"""Why a wish of a subscriber cannot be granted."""

from common.problems import Conflict, Invalid


class SubscriptionExists(Conflict):
    """This id is a subscription already."""

    code = "subscription_exists"
    detail = "There is a subscription with this id already."


class SubscriptionOver(Conflict):
    """It has ended."""

    code = "subscription_ended"
    detail = "This subscription has ended."


class NotActive(Conflict):
    """Only an active subscription, or one in its trial, can do this."""

    code = "subscription_not_active"
    detail = "This needs an active subscription whose invoices are paid."


class TrialRunning(Conflict):
    """A trial becomes a paid subscription when it ends, and not before."""

    code = "trial_running"
    detail = "This subscription is in its trial, which can be extended."


class PeriodBeingPaid(Conflict):
    """The payment of the period to come is under way."""

    code = "payment_under_way"
    detail = "The payment of the next period is under way."


class NotPaused(Conflict):
    """Only a paused subscription is resumed."""

    code = "subscription_not_paused"
    detail = "This subscription is not paused."


class OrderUnderWay(Conflict):
    """An upgrade or a resumption waits for its payment."""

    code = "order_under_way"
    detail = "An upgrade or resumption of this subscription waits for its payment."


class CreditDisputed(Conflict):
    """What would be credited may be taken back by a bank."""

    code = "payment_disputed"
    detail = "A bank disputes what was paid for this period. Wait until that is decided."


class SamePlan(Conflict):
    """It is this plan already."""

    code = "same_plan"
    detail = "The subscription has this plan already."


class NotAnUpgrade(Invalid):
    """The plan is not dearer."""

    code = "not_an_upgrade"
    detail = "This plan is not above the present one: it can be taken from the next period on."


class NotADowngrade(Invalid):
    """The plan is dearer."""

    code = "not_a_downgrade"
    detail = "This plan is above the present one: it has to be paid for from today."


class OtherCurrency(Invalid):
    """A subscription keeps its currency."""

    code = "currency_differs"
    detail = "A subscription keeps its currency."
