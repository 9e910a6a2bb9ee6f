"""The test cards: which number leads to what. They are Stripe's own, so habits carry over."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Card:
    """What a number does. `decline` is the code when it is charged, `authenticate` when a challenge
    comes: `never`, `once` (until it is set up for later use) or `always`."""

    number: str
    label: str
    brand: str = "visa"
    decline: str | None = None
    decline_on_save: str | None = None
    authenticate: str = "never"
    disputed: bool = False
    refund: str = "succeeds"  # succeeds, fails (later), takes_days
    expires: tuple[int, int] = (12, 2044)

    @property
    def magic(self) -> str:
        """The ready-made payment method: `pm_card_visa`, `pm_card_chargeDeclined`..."""
        return _MAGIC[self.number]


CARDS = (
    Card("4242424242424242", "Succeeds"),
    Card("4000002500003155", "3-D Secure, once", authenticate="once"),
    Card("4000000000000002", "Declined", decline="generic_decline",
         decline_on_save="generic_decline"),
    Card("4000000000009995", "Insufficient funds", decline="insufficient_funds",
         decline_on_save="insufficient_funds"),
    Card("5555555555554444", "Succeeds (Mastercard)", brand="mastercard"),
    Card("4000002760003184", "3-D Secure, at every payment", authenticate="always"),
    Card("4000000000000069", "Expired card", decline="expired_card",
         decline_on_save="expired_card"),
    Card("4000000000000127", "Wrong security code", decline="incorrect_cvc",
         decline_on_save="incorrect_cvc"),
    Card("4000000000009987", "Lost card", decline="lost_card", decline_on_save="lost_card"),
    Card("4000000000009979", "Stolen card", decline="stolen_card", decline_on_save="stolen_card"),
    Card("4000000000000119", "Processing error", decline="processing_error",
         decline_on_save="processing_error"),
    Card("4000000000000341", "Can be saved, is declined later", decline="generic_decline"),
    Card("4000000000000259", "Disputed afterwards", disputed=True),
    Card("4000000000005126", "Its refund fails afterwards", refund="fails"),
    Card("4000000000007726", "Its refund takes days", refund="takes_days"),
)  # fmt: skip

_MAGIC = {
    "4242424242424242": "pm_card_visa",
    "5555555555554444": "pm_card_mastercard",
    "4000002500003155": "pm_card_authenticationRequiredOnSetup",
    "4000002760003184": "pm_card_authenticationRequired",
    "4000000000000002": "pm_card_visa_chargeDeclined",
    "4000000000009995": "pm_card_visa_chargeDeclinedInsufficientFunds",
    "4000000000000069": "pm_card_chargeDeclinedExpiredCard",
    "4000000000000127": "pm_card_chargeDeclinedIncorrectCvc",
    "4000000000009987": "pm_card_visa_chargeDeclinedLostCard",
    "4000000000009979": "pm_card_visa_chargeDeclinedStolenCard",
    "4000000000000119": "pm_card_chargeDeclinedProcessingError",
    "4000000000000341": "pm_card_chargeCustomerFail",
    "4000000000000259": "pm_card_createDispute",
    "4000000000005126": "pm_card_refundFail",
    "4000000000007726": "pm_card_pendingRefund",
}
BY_NUMBER = {card.number: card for card in CARDS}
BY_MAGIC = {card.magic: card for card in CARDS}

CODES = frozenset({"expired_card", "incorrect_cvc", "processing_error"})
"""Decline codes that are error codes of their own; the others are `card_declined`."""

MESSAGES = {
    "insufficient_funds": "Your card has insufficient funds.",
    "expired_card": "Your card has expired.",
    "incorrect_cvc": "Your card's security code is incorrect.",
    "processing_error": "An error occurred while processing your card. Try again in a little bit.",
    "authentication_required": "This payment requires your customer to authenticate.",
}


def message_of(decline: str) -> str:
    """What the customer is told."""
    return MESSAGES.get(decline, "Your card was declined.")


def passes_luhn(number: str) -> bool:
    """Whether the check digit is right."""
    digits = [int(d) for d in reversed(number)]
    doubled = [d * 2 - 9 if d > 4 else d * 2 for d in digits[1::2]]
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0
