"""Which mails there are and what they need to be worded; the words stand in `templates/mails`."""

from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import urlsplit

from common.languages import Locale, spoken
from common.mail_templates import MailTemplates, RenderedMail, harmless
from common.money import Money

MailName = Literal[
    "receipt",
    "payment_received",
    "transfer_due",
    "trial_ending",
    "payment_failed",
    "subscription_ended",
]

_SIGNS = {"EUR": "€", "USD": "$", "GBP": "£"}
_MARKS: dict[Locale, tuple[str, str]] = {"en": (",", "."), "fr": ("\u202f", ",")}
"""What stands between thousands, and before the decimals."""

_DECLINED: dict[str, dict[Locale, str]] = {
    "insufficient_funds": {
        "en": "Your bank says that there is not enough money in the account.",
        "fr": "Votre banque indique que la provision est insuffisante.",
    },
    "expired_card": {
        "en": "The card has expired.",
        "fr": "La carte a expiré.",
    },
    "authentication_required": {
        "en": "Your bank wants you to confirm the payment yourself.",
        "fr": "Votre banque demande que vous confirmiez vous-même le paiement.",
    },
    "no_way_to_charge": {
        "en": "No way to pay is saved.",
        "fr": "Aucun moyen de paiement n’est enregistré.",
    },
    "not_transferred": {
        "en": "Your transfer has not arrived.",
        "fr": "Votre virement n’est pas arrivé.",
    },
}
_DECLINED_SOMEHOW: dict[Locale, str] = {
    "en": "Your bank declined it.",
    "fr": "Votre banque l’a refusé.",
}
_ENDED: dict[str, dict[Locale, str]] = {
    "cancelled": {
        "en": "You had cancelled it.",
        "fr": "Vous l’aviez résilié.",
    },
    "unpaid": {
        "en": "Its last invoice was not paid.",
        "fr": "Sa dernière facture n’a pas été payée.",
    },
    "trial_ended": {
        "en": "The trial was over, and it was not paid for.",
        "fr": "L’essai était terminé et n’a pas été suivi d’un paiement.",
    },
    "refunded": {
        "en": "What was paid for it was given back.",
        "fr": "Ce qui avait été payé a été remboursé.",
    },
    "disputed": {
        "en": "Your bank took back what was paid for it.",
        "fr": "Votre banque a repris ce qui avait été payé.",
    },
    "voided": {
        "en": "Its invoice was withdrawn.",
        "fr": "Sa facture a été annulée.",
    },
}
"""Endings that the customer hears of; the others are none, or of somebody who is gone."""

_TEMPLATES = MailTemplates("billing")


def render(
    name: MailName, locale: str, *, link: str, addressee: str | None, values: Mapping[str, Any]
) -> RenderedMail:
    """The mail in the reader's language, English where we do not speak it.

    `link` is what its button opens and names the site; the template names the values it needs.
    """
    known = {"link": link, "site": urlsplit(link).netloc, "addressee": harmless(addressee)}
    return _TEMPLATES.render(name, spoken(locale), {**known, **values})


def written(money: Money, language: Locale) -> str:
    """An amount as people write it: €1,299.00 in English, 1 299,00 € in French."""
    thousands, point = _MARKS[language]
    whole, minor = divmod(abs(money.amount), 10**money.exponent)
    number = f"{whole:,}".replace(",", thousands)
    if money.exponent:
        number += f"{point}{minor:0{money.exponent}d}"
    minus, sign = "\u2212" if money.amount < 0 else "", _SIGNS.get(money.currency)
    if language == "fr":
        return f"{minus}{number}\u00a0{sign or money.currency}"
    return f"{minus}{sign}{number}" if sign else f"{minus}{money.currency}\u00a0{number}"


def why_declined(code: str, language: Locale) -> str:
    """What the bank said, as a sentence."""
    return _DECLINED.get(code, _DECLINED_SOMEHOW)[language]


def why_ended(reason: str, language: Locale) -> str | None:
    """Why a subscription is over, as a sentence; None for what is nothing to write of."""
    sentences = _ENDED.get(reason)
    return sentences[language] if sentences else None
