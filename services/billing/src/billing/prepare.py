"""`python -m billing.prepare`: the database of this version, before traffic moves to it."""

from common.preparing import prepare

from billing.declaration import DECLARATION
from billing.settings import BillingSettings


def main() -> None:
    """Migrate, build what read models are missing, and end."""
    prepare(DECLARATION, BillingSettings.load())


if __name__ == "__main__":
    main()
