"""Which rule meets which deadline, for the worker and for a sandbox that moves its clock."""

from common.timers import Rules

from billing import deadlines
from billing.desk import Desk
from billing.processes.end_when_the_grace_is_over import end_when_the_grace_is_over
from billing.processes.forget_an_order_that_nobody_pays import forget_an_order_that_nobody_pays
from billing.processes.note_invoices_that_are_overdue import note_invoices_that_are_overdue
from billing.processes.remind_before_a_trial_ends import remind_before_a_trial_ends
from billing.processes.renew_when_a_period_ends import renew_when_a_period_ends
from billing.processes.try_a_declined_payment_again import try_a_declined_payment_again


def deadlines_met(desk: Desk) -> Rules:
    """The rules by the kind of their deadline."""
    return {
        deadlines.PERIOD_END: renew_when_a_period_ends(desk),
        deadlines.TRIAL_REMINDER: remind_before_a_trial_ends,
        deadlines.RETRY: try_a_declined_payment_again,
        deadlines.GRACE_END: end_when_the_grace_is_over,
        deadlines.PENDING_EXPIRY: forget_an_order_that_nobody_pays,
        deadlines.DUE_DATE: note_invoices_that_are_overdue,
    }
