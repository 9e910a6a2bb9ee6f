"""What an upgrade credits: what was really paid for the unused time, and never what went back."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Literal
from uuid import UUID, uuid4, uuid5

import pytest
from billing.documents import Line, TaxRate
from billing.invoice_arithmetic import sums_of, within
from billing.plan_changes import Priced, price
from billing.subscription_rules.orders import worth_for_a_change
from billing.subscription_rules.refusals import CreditDisputed
from billing.subscription_rules.set_aside import MoneySetAside, worth
from billing.subscription_rules.states import Active, Upgrade
from billing.subscriptions.commands import (
    ActivateSubscription,
    ApplyUpgrade,
    NoteSetAside,
    OrderUpgrade,
    ReverseInvoice,
    SwitchPlan,
)
from billing.subscriptions.decider import SUBSCRIPTION
from billing.subscriptions.examples import (
    ACCOUNT_ID,
    ACTIVATED,
    AT,
    CREATE,
    CREATED,
    DEARER,
    END,
    EXTENDED,
    INVOICE_ID,
    LATER,
    NEXT_INVOICE_ID,
    PAID,
    PLAN_CHANGED,
    RATE,
    SET_ASIDE,
    SUBSCRIPTION_ID,
    TERMS,
    UPGRADE,
    UPGRADE_INVOICED,
    WHO,
)
from common.money import Money
from common.problems import Conflict
from common.testing.scenario import Scenario
from hypothesis import given
from hypothesis import strategies as st

subscription = Scenario(SUBSCRIPTION)
NOTE = NoteSetAside(INVOICE_ID, Money(300, "EUR"), False, LATER)
OTHER_INVOICE = replace(UPGRADE, invoice_id=NEXT_INVOICE_ID)
UPGRADED = (
    replace(UPGRADE_INVOICED, upgrade=OTHER_INVOICE),
    replace(PLAN_CHANGED, invoice_id=NEXT_INVOICE_ID),
)


def credit_of(*history: Any) -> int:
    state = SUBSCRIPTION.fold((CREATED, ACTIVATED, *history))
    assert isinstance(state, Active)
    return price(state.live, DEAREST, RATE, uuid4(), LATER).quote.credit.amount


DEAREST = replace(DEARER, plan_id=uuid5(ACCOUNT_ID, "dearest"), price=Money(9900, "EUR"))


def test_what_goes_back_is_noted_once_and_only_of_the_present_period() -> None:
    subscription.given(CREATED, ACTIVATED).when(NOTE).then(SET_ASIDE)
    subscription.given(CREATED, ACTIVATED, SET_ASIDE).when(NOTE).then()
    subscription.given(CREATED, ACTIVATED).when(replace(NOTE, invoice_id=uuid4())).then()
    subscription.given(CREATED, ACTIVATED).when(replace(NOTE, amount=Money(0, "EUR"))).then()
    subscription.given(CREATED).when(NOTE).then()


def test_what_went_back_lowers_the_credit_and_a_refund_that_failed_does_not() -> None:
    failed = replace(SET_ASIDE, amount=Money(0, "EUR"))
    whole = credit_of()

    assert credit_of(SET_ASIDE) == whole - whole // 4
    assert credit_of(replace(SET_ASIDE, amount=Money(1200, "EUR"))) == 0
    assert credit_of(SET_ASIDE, failed) == whole


def test_what_lowered_one_credit_does_not_lower_the_next_one_again() -> None:
    more = replace(SET_ASIDE, amount=Money(500, "EUR"))

    assert credit_of(SET_ASIDE, *UPGRADED) == credit_of(*UPGRADED) == 3000
    assert credit_of(SET_ASIDE, *UPGRADED, more) == credit_of(*UPGRADED) - 200


def test_a_refund_of_an_earlier_upgrade_counts_and_is_gone_with_it() -> None:
    of_the_upgrade = replace(SET_ASIDE, invoice_id=NEXT_INVOICE_ID)
    undo = ReverseInvoice(NEXT_INVOICE_ID, "refunded", True, LATER)
    history = (CREATED, ACTIVATED, SET_ASIDE, *UPGRADED, of_the_upgrade)
    undone = SUBSCRIPTION.decide(undo, SUBSCRIPTION.fold(history))

    assert credit_of(*UPGRADED, of_the_upgrade) == 2700
    assert credit_of(*history[2:], *undone) == credit_of(SET_ASIDE)


def test_an_extension_keeps_what_went_back_in_mind() -> None:
    state = SUBSCRIPTION.fold((CREATED, ACTIVATED, SET_ASIDE, EXTENDED))
    assert isinstance(state, Active)

    kept = worth(state.live)

    assert kept is not None
    assert (kept.amount.amount, kept.ends_at) == (900, EXTENDED.span.ends_at)


def test_no_credit_is_given_while_a_bank_may_take_the_money() -> None:
    disputed = replace(SET_ASIDE, amount=Money(0, "EUR"), disputed=True)
    order = OrderUpgrade(ACCOUNT_ID, UPGRADE, PAID, LATER)

    subscription.given(CREATED, ACTIVATED, disputed).when(order).then_refused(CreditDisputed)
    with pytest.raises(CreditDisputed):
        credit_of(disputed)
    assert credit_of(disputed, replace(disputed, disputed=False)) == credit_of()


def test_an_order_whose_price_was_reckoned_before_money_went_back_is_refused() -> None:
    order = OrderUpgrade(ACCOUNT_ID, UPGRADE, PAID, LATER)
    longer = replace(UPGRADE, paid=UPGRADE.paid.over(LATER, END + timedelta(days=1)))

    subscription.given(CREATED, ACTIVATED).when(order).then(UPGRADE_INVOICED)
    subscription.given(CREATED, ACTIVATED, SET_ASIDE).when(order).then_refused(Conflict)
    subscription.given(CREATED, ACTIVATED).when(replace(order, upgrade=longer)).then_refused(
        Conflict
    )


def test_a_switch_for_nothing_in_a_trial_is_none_once_the_trial_is_paid_for() -> None:
    switch = SwitchPlan(ACCOUNT_ID, DEARER, None, None, LATER)

    subscription.given(CREATED, ACTIVATED).when(switch).then_refused(Conflict)


@given(st.integers(0, 10**7), st.sampled_from([0, 550, 1900, 2300, 2700]), st.data())
def test_the_rest_with_its_tax_is_what_is_left_and_no_cent_less_than_possible(
    net: int, basis_points: int, data: Any
) -> None:
    rate = TaxRate("IE", basis_points)

    def gross(n: int) -> int:
        line = Line(uuid4(), "x", Money(n, "EUR"), "exclusive", rate)
        return sums_of([line]).total.amount

    gone = data.draw(st.integers(0, gross(net)))

    left = within(Money(net, "EUR"), "exclusive", rate, gone)

    assert gross(left) <= gross(net) - gone < gross(left + 1)
    assert within(Money(net, "EUR"), "exclusive", rate, 0) == net


@dataclass
class Customer:
    """Somebody who pays, upgrades and is given back to: by the rules themselves."""

    tax: Literal["inclusive", "exclusive"]
    now: Any = AT
    paid: dict[UUID, int] = field(default_factory=dict)
    back: dict[UUID, int] = field(default_factory=dict)
    state: Any = None

    def __post_init__(self) -> None:
        terms = replace(TERMS, tax=self.tax)
        self.does(replace(CREATE, terms=terms))
        self.does(ActivateSubscription(INVOICE_ID, replace(PAID, behaviour=self.tax), AT))
        line = Line(uuid4(), "x", terms.price, self.tax, RATE)
        self.paid[INVOICE_ID] = sums_of([line]).total.amount

    def does(self, command: Any) -> list[Any]:
        state = self.state or SUBSCRIPTION.initial
        events = list(SUBSCRIPTION.decide(command, state))
        self.state = SUBSCRIPTION.fold(events, state)
        return events

    @property
    def kept(self) -> int:
        """What was paid and not given back."""
        return sum(self.paid.values()) - sum(self.back.values())

    def upgrades(self, n: int) -> Priced | None:
        live = self.state.live
        plan = uuid5(SUBSCRIPTION_ID, f"plan {n}")
        amount = live.terms.price.amount + 1000 + n
        new = replace(DEARER, plan_id=plan, price=Money(amount, "EUR"), tax=self.tax)
        invoice_id = uuid5(SUBSCRIPTION_ID, f"invoice {n}")
        priced = price(live, new, RATE, invoice_id, self.now)
        if priced.total <= 0:
            return None
        part = replace(PAID, amount=priced.quote.charge, behaviour=self.tax)
        part = part.over(self.now, priced.quote.ends_at)
        order = Upgrade(invoice_id, new, part, False)
        self.does(OrderUpgrade(ACCOUNT_ID, order, worth_for_a_change(live), self.now))
        self.does(ApplyUpgrade(invoice_id, self.now))
        self.paid[invoice_id] = priced.total
        return priced

    def is_given_back(self, which: int, share: float) -> None:
        invoice_id = list(self.paid)[which % len(self.paid)]
        back = self.back.get(invoice_id, 0)
        back += int((self.paid[invoice_id] - back) * share)
        self.back[invoice_id] = back
        self.does(NoteSetAside(invoice_id, Money(back, "EUR"), False, self.now))
        if back == self.paid[invoice_id]:
            self.does(ReverseInvoice(invoice_id, "refunded", True, self.now))


steps = st.one_of(
    st.tuples(st.just("upgrades"), st.integers(0, 10**5)),
    st.tuples(
        st.just("is given back"),
        st.tuples(st.integers(0, 5), st.sampled_from([0.1, 0.5, 0.99, 1.0])),
    ),
    st.tuples(st.just("waits"), st.integers(0, 10**6)),
)


@given(st.sampled_from(["inclusive", "exclusive"]), st.lists(steps, max_size=12))
def test_whatever_is_paid_given_back_and_upgraded_nobody_is_credited_more_than_we_keep(
    tax: Any, some: list[tuple[str, Any]]
) -> None:
    customer, upgrades = Customer(tax), 0
    for n, (what, how) in enumerate(some):
        if not isinstance(customer.state, Active):
            break
        match what:
            case "waits":
                customer.now = min(customer.now + timedelta(seconds=how), END)
            case "is given back":
                customer.is_given_back(*how)
            case _:
                kept = customer.kept
                if (priced := customer.upgrades(how * 100 + n)) and len(priced.lines) == 2:
                    credit = sums_of(priced.lines[1:]).total.amount
                    # with the tax on top each invoice rounds once more
                    upgrades += tax == "exclusive"
                    assert -credit <= kept + upgrades
        assert customer.kept >= 0


def test_a_plan_that_costs_no_more_than_the_credit_begins_its_own_longer_period() -> None:
    yearly = replace(DEARER, term=replace(DEARER.term, interval="year"), price=TERMS.price)
    state = SUBSCRIPTION.fold((CREATED, ACTIVATED))
    assert isinstance(state, Active)
    priced = price(state.live, yearly, RATE, uuid4(), AT)
    part = PAID.over(AT, priced.quote.ends_at)
    upgrade = Upgrade(uuid4(), yearly, part, priced.quote.resets)

    assert priced.total == 0
    [changed] = SUBSCRIPTION.decide(SwitchPlan(ACCOUNT_ID, yearly, upgrade, PAID, AT), state)

    after = SUBSCRIPTION.fold([changed], state)
    assert isinstance(after, Active)
    assert after.live.span.ends_at == AT.replace(year=AT.year + 1)
    assert MoneySetAside(*WHO, INVOICE_ID, Money(1, "EUR"), False, AT) in SUBSCRIPTION.decide(
        replace(NOTE, amount=Money(1, "EUR"), now=AT), after
    )
