"""Whose a handle is, and how many live cards an owner has and may have."""

from alembic import op

revision = "0004"
down_revision = "0002"


def upgrade() -> None:
    """Forwards only."""
    op.execute("""
        create table card_handles (
            card_id uuid primary key,
            handle text not null constraint card_handles_handle unique
        )""")
    op.execute("""
        create table card_allowances (
            owner_id uuid primary key,
            live int not null check (live >= 0),
            allowed bigint not null default 1 check (allowed >= 0),
            closed boolean not null default false
        )""")
    # cards that were made before anybody counted them
    op.execute("""
        do $$ begin
            if to_regclass('public.cards') is not null then
                insert into card_allowances (owner_id, live)
                    select owner_id, count(*) from cards where deleted_at is null group by owner_id;
            end if;
        end $$""")
