"""What the gateway reads from the environment."""

from common.settings import ServiceSettings
from pydantic import Field, SecretStr

from gateway import cors
from gateway.clients import Clients
from gateway.upstream_pool import Address

MIB = 1024 * 1024
UNUSED = ("DATA_KEY", "WIRE_KEY", "DATABASE_URL")
REDIS_SCHEMES = ("redis://", "rediss://", "unix://")


class GatewaySettings(ServiceSettings):
    """The gateway's settings. Sizes are in bytes."""

    port: int = Field(default=8080, ge=0, le=65535)
    auth_url: str = "http://127.0.0.1:8081"
    cards_url: str = "http://127.0.0.1:8082"
    billing_url: str = "http://127.0.0.1:8083"
    token_issuer: str = "cartulary"
    reuse_port: bool = False
    """Several gateway processes listen on the one port; the kernel shares connections out."""
    upstream_connections: int = Field(default=200, ge=1)
    upstream_requests: int = Field(default=400, ge=1)
    """Requests under way to one service; one more is refused at once, sooner if not critical."""
    breaker_seconds: float = Field(default=5, gt=0, le=600)
    """How long a service that only fails is left alone."""
    cache_bytes: int = Field(default=64 * MIB, ge=0)
    cache_answer_bytes: int = Field(default=MIB, ge=0)
    check_routes: bool = True
    """Compare the table with what the services say of themselves, once they are there."""
    event_heartbeat: float = Field(default=15, gt=0, le=60)
    """Seconds between signs of life on a silent stream of events."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses and networks whose `X-Forwarded-For` is believed."""
    rate_limit_scale: float = Field(default=1, ge=0, le=1_000_000)
    """Multiplies every rate limit; 0 switches them off."""
    rate_limit_url: SecretStr | None = None
    """A Redis where all gateways count together; without it each counts for itself."""
    cors_origins: tuple[str, ...] = ()
    cors_credentials: bool = False

    def problems(self) -> list[str]:
        """As for every service; but the gateway holds no data, hence no keys to it."""
        found = [problem for problem in super().problems() if not problem.startswith(UNUSED)]
        found += cors.refused(self.cors_origins, credentials=self.cors_credentials)
        try:
            Clients(self.trusted_proxies)
        except ValueError as error:
            found.append(f"TRUSTED_PROXIES: {error}")
        for name in ("auth_url", "cards_url", "billing_url"):
            try:
                Address.of(getattr(self, name))
            except ValueError as error:
                found.append(f"{name.upper()}: {error}")
        store = self.rate_limit_url
        if store is not None and not store.get_secret_value().startswith(REDIS_SCHEMES):
            found.append("RATE_LIMIT_URL: must begin with redis://, rediss:// or unix://")
        return found
