"""What billing must know to talk to Stripe; without a secret key there is no Stripe."""

from common.settings import ServiceSettings
from pydantic import Field, SecretStr

WEBHOOK_SECRET_BEGINS = "whsec_"


class StripeSettings(ServiceSettings):
    """The account, and where it is reached."""

    stripe_secret_key: SecretStr | None = None
    stripe_publishable_key: str = ""
    stripe_webhook_secrets: SecretStr = SecretStr("")
    """One or more, separated by commas: while one is rolled, the old and the new."""
    stripe_api_base: str | None = None
    """Another address than Stripe's own: the twin's."""
    stripe_time_limit: float = Field(default=12, gt=0, le=60)
    """Seconds until the outcome of a call counts as unknown."""
    reconcile_seconds: float = Field(default=3600, ge=1)
    """How often open payments are compared with the provider."""

    @property
    def webhook_secrets(self) -> tuple[str, ...]:
        """The secrets that webhooks may be signed with."""
        listed = self.stripe_webhook_secrets.get_secret_value().split(",")
        return tuple(secret.strip() for secret in listed if secret.strip())

    def problems(self) -> list[str]:
        """As for every service; an account without a secret for its webhooks could be lied to."""
        found = super().problems()
        secrets = self.webhook_secrets
        if any(not s.startswith(WEBHOOK_SECRET_BEGINS) or len(s) < 20 for s in secrets):
            found.append("STRIPE_WEBHOOK_SECRETS: each begins with whsec_ and is long")
        if self.stripe_secret_key is not None and not secrets:
            found.append("STRIPE_WEBHOOK_SECRETS: is missing")
        if self.environment == "production" and self.stripe_api_base is not None:
            found.append("STRIPE_API_BASE: in production only Stripe itself moves money")
        return found
