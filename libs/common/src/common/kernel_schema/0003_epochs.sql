-- A log that was restored from a backup goes on where the backup ended, and other services may have
-- seen later versions of its streams. So what follows a restore is an epoch of its own: where others
-- see them, its versions are larger than any that was ever published before.

create table epochs (
    shift          bigint primary key,    -- added to the versions of the epoch's events, for others
    after_position bigint not null,       -- the epoch's events stand beyond
    begun_at       timestamptz not null,
    backup         text not null,         -- the file that was restored
    caught_up_at   timestamptz            -- null until what others published meanwhile is heard again
);
alter table published_streams alter column version type bigint;
alter table inbox alter column last_version type bigint;
alter table parked alter column version type bigint;
