"""What decides about writing: categories held, trials used, numbers, open payments, calls."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Forwards only."""
    op.execute("""
        create table subscription_categories (
            subscription_id uuid not null,
            category_id     uuid not null,
            account_id      uuid not null,
            planned         boolean not null,
            primary key (subscription_id, category_id),
            constraint subscription_categories_one_each unique (account_id, category_id)
        )""")
    op.execute("""
        create table trial_rights (
            account_id uuid not null,
            family     text not null,
            used_at    timestamptz not null,
            primary key (account_id, family)
        )""")
    op.execute("""
        create table document_series (
            series text primary key,
            last   int not null check (last > 0)
        )""")
    op.execute("""
        create table open_payments (
            invoice_id uuid not null constraint open_payments_one_each primary key,
            payment_id uuid not null
        )""")
    op.execute("""
        create table payment_calls (
            payment_id   uuid primary key,
            due          timestamptz not null,
            leased_until timestamptz
        )""")
    op.execute("create index payment_calls_due on payment_calls (due)")
