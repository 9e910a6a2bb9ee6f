"""What Stripe says about amounts: minor units per currency, smallest and largest charge."""

from stripe_twin.problems import ApiError, invalid

ZERO_DECIMAL = frozenset(
    {"bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga"}
    | {"pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"}
)
THREE_DECIMAL = frozenset({"bhd", "jod", "kwd", "omr", "tnd"})
WHOLE_UNITS = frozenset({"isk", "ugx"})
"""Currencies without decimals that are written with two, which must be zero."""

LARGEST = 99_999_999
SMALLEST = {"jpy": 50, "krw": 500, "gbp": 30, "huf": 17_500, "czk": 1_500, "dkk": 250, "nok": 300}
USUAL_SMALLEST = 50
LIKE_ONE_UNIT = 1


def check(amount: object, currency: object) -> None:
    """Raises `ApiError` for an amount that is never charged."""
    if not isinstance(currency, str) or not (len(currency) == 3 and currency.isalpha()):
        raise invalid("Missing or invalid currency.", code="parameter_missing", param="currency")
    if not isinstance(amount, int):
        raise invalid("Missing required param: amount.", code="parameter_missing", param="amount")
    if amount < smallest(currency.lower()):
        text = f"The amount must be at least {smallest(currency.lower())} of {currency}."
        raise invalid(text, code="amount_too_small", param="amount")
    if amount > LARGEST:
        text = "Amount must be no more than 999,999.99."
        raise invalid(text, code="amount_too_large", param="amount")
    if wrong := granularity(currency.lower(), amount):
        raise wrong


def granularity(currency: str, amount: int) -> ApiError | None:
    """What is wrong with the last digits, if anything."""
    step = 10 if currency in THREE_DECIMAL else 100 if currency in WHOLE_UNITS else 1
    if amount % step == 0:
        return None
    text = f"Amounts in {currency.upper()} must be a multiple of {step}."
    return invalid(text, code="invalid_charge_amount", param="amount")


def smallest(currency: str) -> int:
    """The least that is charged, in the currency's minor units."""
    if currency in SMALLEST:
        return SMALLEST[currency]
    return LIKE_ONE_UNIT if currency in ZERO_DECIMAL else USUAL_SMALLEST


def decimals(currency: str) -> int:
    """How many decimals an amount of the API has in this currency."""
    if currency in ZERO_DECIMAL:
        return 0
    return 3 if currency in THREE_DECIMAL else 2
