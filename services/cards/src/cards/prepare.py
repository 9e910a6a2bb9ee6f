"""`python -m cards.prepare`: the database brought up to this version before traffic moves to it."""

from common.preparing import prepare

from cards.declaration import DECLARATION
from cards.settings import CardsSettings


def main() -> None:
    """Migrate, build what read models are missing, and end."""
    prepare(DECLARATION, CardsSettings.load())


if __name__ == "__main__":
    main()
