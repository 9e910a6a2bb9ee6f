"""Whose a slug is, among plans and among categories: one row each, which no rebuild touches."""

from alembic import op

revision = "0010"
down_revision = "0004"


def upgrade() -> None:
    """Forwards only."""
    for things, id in (("plan", "plan_id"), ("plan_category", "category_id")):
        op.execute(f"""
            create table {things}_slugs (
                {id} uuid primary key,
                slug text not null constraint {things}_slugs_slug unique
            )""")
