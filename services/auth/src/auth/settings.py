"""What auth reads from the environment."""

from common.settings import ServiceSettings


class AuthSettings(ServiceSettings):
    """Auth's settings; `token_issuer` and the audience stand in every access token."""

    token_issuer: str = "cartulary"
    token_audience: str = "cartulary"
