"""What others may rely on of billing. Amounts and ids; never whose name or address it is."""

from typing import Any

from common.messages import PublishedEvent

from billing.published_catalogue_events import CatalogueEvent, publish_of_catalogue


def publish(event: Any) -> PublishedEvent | None:
    """The public message of a fact, or None when it stays inside."""
    fact: CatalogueEvent = event
    return publish_of_catalogue(fact)
