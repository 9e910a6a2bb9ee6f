"""The countries of the world by their ISO 3166-1 alpha-2 codes."""

from importlib.resources import files

COUNTRIES = frozenset((files("auth") / "countries.txt").read_text().split())
