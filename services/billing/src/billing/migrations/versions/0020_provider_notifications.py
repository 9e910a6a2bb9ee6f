"""What providers told us, by their own ids, until it is worked on; and what comparing brought."""

from alembic import op

revision = "0020"
down_revision = "0010"


def upgrade() -> None:
    """Forwards only."""
    op.execute("""
        create table provider_notifications (
            provider     text not null,
            event_id     text not null,
            type         text not null,
            kind         text not null,
            reference    text not null,
            created_at   timestamptz not null,   -- by the provider's clock
            received_at  timestamptz not null,
            attempts     int not null default 0,
            due_at       timestamptz not null,
            leased_until timestamptz,            -- somebody works on it until then
            done_at      timestamptz,
            result       text,
            primary key (provider, event_id)
        )""")
    op.execute("""
        create index provider_notifications_due on provider_notifications (due_at)
            where done_at is null""")
    op.execute("""
        create index provider_notifications_thing on provider_notifications (provider, reference)
            where done_at is null""")
    op.execute("create index provider_notifications_done on provider_notifications (done_at)")
    op.execute("""
        create table provider_reconciliations (
            id          uuid primary key,
            provider    text not null,
            started_at  timestamptz not null,
            finished_at timestamptz,
            report      jsonb
        )""")
    op.execute("""
        create index provider_reconciliations_started
            on provider_reconciliations (provider, started_at desc)""")
