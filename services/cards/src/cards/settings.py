"""What cards reads from the environment."""

from common.settings import ServiceSettings


class CardsSettings(ServiceSettings):
    """Cards needs nothing beyond what every service does."""
