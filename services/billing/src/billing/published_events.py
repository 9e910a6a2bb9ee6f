"""What others may rely on of billing. Amounts and ids; never whose name or address it is."""

from typing import Any

from common.messages import PublishedEvent

from billing.published_catalogue_events import CatalogueEvent, publish_of_catalogue
from billing.published_money_events import MoneyEvent, publish_of_money


def publish(event: Any) -> PublishedEvent | None:
    """The public message of a fact, or None when it stays inside."""
    fact: CatalogueEvent | MoneyEvent = event
    if isinstance(fact, MoneyEvent):
        return publish_of_money(fact)
    return publish_of_catalogue(fact)
