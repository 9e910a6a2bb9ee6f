"""A stateful counterpart of Stripe: the real client talks to it, so no path in billing differs."""

API_VERSION = "2026-10-28.endive"
"""The one version of the API that is played; another one asked for is refused."""
