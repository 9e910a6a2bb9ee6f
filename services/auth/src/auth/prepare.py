"""`python -m auth.prepare`: the database brought up to this version before traffic moves to it."""

from common.preparing import prepare

from auth.declaration import DECLARATION
from auth.settings import AuthSettings


def main() -> None:
    """Migrate, build what read models are missing, and end."""
    prepare(DECLARATION, AuthSettings.load())


if __name__ == "__main__":
    main()
