"""What cards reads from the environment."""

from common.settings import ServiceSettings


class CardsSettings(ServiceSettings):
    """What cards needs beyond what every service does."""

    demo_card: str = "claire-verran"
    """The handle, slug or id of the card on the landing page; without such a card it has none."""
