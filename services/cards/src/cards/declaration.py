"""What the kernel must know of cards, for its API and its worker, which has no HTTP."""

from pathlib import Path

from common.kernel import KernelDeclaration
from common.snapshots import SnapshotPolicy
from pydantic import TypeAdapter

from cards.cards.events import UPCASTERS, CardEvent
from cards.cards.read_model import ALLOWANCES, CARDS, HANDLES
from cards.counters.decider import COUNTERS, CountersState
from cards.counters.events import CountersEvent
from cards.counters.read_model import CARD_VISITS
from cards.exports.events import ExportEvent
from cards.published_events import publish

DECLARATION = KernelDeclaration(
    source="cards",
    events=(CardEvent, CountersEvent, ExportEvent),
    projections=(CARDS, HANDLES, ALLOWANCES, CARD_VISITS),
    # a card that is looked at all day has an event every second
    snapshots=(SnapshotPolicy(COUNTERS, TypeAdapter(CountersState)),),
    publish=publish,
    migrations=Path(__file__).parent / "migrations",
    openapi=Path(__file__).parent / "openapi.json",
    upcasters=UPCASTERS,
    personal_tables=("portraits", "visitor_salts", "visitors"),
)
