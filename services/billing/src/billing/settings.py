"""What billing reads from the environment."""

from common.settings import SECRET_LENGTH
from pydantic import Field, SecretStr

from billing.stripe_settings import StripeSettings

DEVELOPMENT_PREVIEW_SECRET = "development-only-preview-secret-not-for-production"


class BillingSettings(StripeSettings):
    """What billing needs beyond what every service does."""

    sandbox: bool = False
    """Whether the clock may be moved: for trying out what happens in a year, never with money."""
    preview_secret: SecretStr = SecretStr(DEVELOPMENT_PREVIEW_SECRET)
    """Signs the price of a change of plan between its preview and its purchase."""
    seller_name: str = "Cartulary Ltd."
    seller_address: str = "1 Chancery Lane, Dublin"
    seller_country: str = Field(default="IE", pattern="^[A-Z]{2}$")
    seller_vat_number: str | None = None
    charges_at_once: int = Field(default=25, ge=1, le=100)
    """How many saved methods a worker charges at the same time."""

    def problems(self) -> list[str]:
        """As for every service, and the secret of previews."""
        found = super().problems()
        secret = self.preview_secret.get_secret_value()
        if len(secret) < SECRET_LENGTH:
            found.append(f"PREVIEW_SECRET: must have at least {SECRET_LENGTH} characters")
        if self.environment == "production":
            if secret == DEVELOPMENT_PREVIEW_SECRET:
                found.append("PREVIEW_SECRET: is missing or the well-known development value")
            if self.sandbox:
                found.append("SANDBOX: a clock that moves is not for production")
        return found
