"""What the gateway hears on the exchange: things that changed, sessions that ended, silence."""

from collections.abc import Iterator

import structlog
from common.access_tokens import ACCESS_LIFETIME
from common.messages import Envelope, MalformedMessage
from prometheus_client import Counter
from pydantic import ValidationError

from gateway.consumed_events import (
    AccountActivated,
    AccountErased,
    AccountSuspended,
    SessionEnded,
)
from gateway.edge_cache import EdgeCache
from gateway.live_log import LiveLog
from gateway.refused_tokens import EndedSessions, RefusedTokens

HEARD = Counter("cartulary_gateway_messages_total", "Messages heard on the exchange", ["result"])
READ, MALFORMED = HEARD.labels("read"), HEARD.labels("malformed")

log = structlog.get_logger(__name__)


class News:
    """The two listeners that `Broker.listen` takes."""

    def __init__(
        self, cache: EdgeCache, refused: RefusedTokens, ends: EndedSessions, live: LiveLog
    ) -> None:
        self._cache = cache
        self._refused = refused
        self._ends = ends
        self._live = live

    def on_message(self, raw: bytes) -> None:
        """Purge what the message is about. One that cannot be read is counted and let go."""
        try:
            envelope = Envelope.from_bytes(raw)
            dropped = self._cache.purge(_tags(envelope), "message")
            log.info("cache_purged", tag=envelope.subject, because=envelope.type, entries=dropped)
            self._refuse_tokens(envelope)
            self._live.hear(envelope)  # last: whose session ended hears of it and no more
        except (MalformedMessage, ValidationError) as error:
            MALFORMED.inc()
            log.warning("message_malformed", reason=type(error).__name__)
        else:
            READ.inc()

    def on_connection(self, up: bool) -> None:
        """While nothing can be heard nothing may be remembered; afterwards ask what was missed."""
        log.info("edge_cache_switched", on=up)
        self._cache.connected(up)
        self._ends.on_connection(up)
        self._live.begin_anew()

    def _refuse_tokens(self, envelope: Envelope) -> None:
        data = envelope.data
        match envelope.type:
            case SessionEnded.type_name:
                ended = SessionEnded.model_validate(data)
                self._refused.end(ended.session_id, ended.tokens_expire_at)
            case AccountErased.type_name:
                erased = AccountErased.model_validate(data)
                self._refused.end(erased.account_id, erased.erased_at + ACCESS_LIFETIME)
            case AccountSuspended.type_name:
                suspended = AccountSuspended.model_validate(data)
                self._refused.shut(suspended.account_id, suspended.tokens_expire_at)
            case AccountActivated.type_name:
                self._refused.open(AccountActivated.model_validate(data).account_id)


def _tags(envelope: Envelope) -> Iterator[str]:
    """The message's subject; its kind, which is the tag of lists that everybody reads; and the
    person whom it is about: their lists changed with it."""
    yield envelope.subject
    yield envelope.subject.partition("/")[0]
    if envelope.data_subject is not None:
        yield f"user/{envelope.data_subject}"
