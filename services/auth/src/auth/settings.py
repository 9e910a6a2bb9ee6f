"""What auth reads from the environment."""

from common.object_storage import StorageSettings


class AuthSettings(StorageSettings):
    """Auth's settings; `token_issuer` and the audience stand in every access token."""

    token_issuer: str = "cartulary"
    token_audience: str = "cartulary"

    def problems(self) -> list[str]:
        """As for every service; in production mails must reach people, and their links us."""
        found = super().problems()
        if self.environment == "production":
            if self.smtp_url is None and self.mail_folder is None:
                found.append("SMTP_URL: is missing")
            if self.public_url == type(self).model_fields["public_url"].default:
                found.append("PUBLIC_URL: is missing or the development value")
        return found
