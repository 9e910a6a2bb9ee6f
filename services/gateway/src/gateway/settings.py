"""What the gateway reads from the environment."""

from common.settings import ServiceSettings
from pydantic import Field

MIB = 1024 * 1024
UNUSED = ("DATA_KEY", "WIRE_KEY", "DATABASE_URL")


class GatewaySettings(ServiceSettings):
    """The gateway's settings. Sizes are in bytes; `operations_port` 0 means none."""

    port: int = Field(default=8080, ge=0, le=65535)
    auth_url: str = "http://127.0.0.1:8081"
    cards_url: str = "http://127.0.0.1:8082"
    billing_url: str = "http://127.0.0.1:8083"
    token_issuer: str = "cartulary"
    operations_port: int = Field(default=0, ge=0, le=65535)
    upstream_connections: int = Field(default=200, ge=1)
    cache_bytes: int = Field(default=64 * MIB, ge=0)
    cache_answer_bytes: int = Field(default=MIB, ge=0)

    def problems(self) -> list[str]:
        """As for every service; but the gateway holds no data, hence no keys to it."""
        return [problem for problem in super().problems() if not problem.startswith(UNUSED)]
