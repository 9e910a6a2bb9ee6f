-- The kernel's tables, version 1. A migration runs this file; once released it is never edited:
-- the next change is a file of its own (a test compares each file with its recorded digest).

create table events (
    position    bigint generated always as identity (cache 1) primary key,
    stream      text not null,
    category    text not null,
    version     int not null check (version > 0),
    type        text not null,
    schema      smallint not null,
    data        json not null,   -- json, not jsonb: keeps the bytes, which the hash covers, and is faster
    meta        jsonb not null,
    hash        bytea not null,  -- over this event and the hash before it in the stream
    recorded_at timestamptz not null default clock_timestamp(),
    unique (stream, version)
);
create index events_by_category on events (category, position);

-- Followers of the log stop at the lowest live floor. A writer takes the shared lock that carries the
-- sequence's value before its first position is drawn, and PostgreSQL makes a commit visible before it
-- releases its locks: so below the lowest floor nothing can appear any more. Shared locks never wait.
create function events_floor() returns trigger language plpgsql as $$
begin
    perform pg_advisory_xact_lock_shared((1::bigint << 48) | (last_value - (not is_called)::int))
       from events_position_seq;
    return null;
end $$;
create trigger events_floor before insert on events for each statement execute function events_floor();

create function events_are_append_only() returns trigger language plpgsql as $$
begin
    raise exception 'the event log is append-only' using errcode = 'insufficient_privilege';
end $$;
create trigger events_are_append_only before update or delete or truncate on events
    for each statement execute function events_are_append_only();

-- One page of the log after a position, in one round trip. The three statements must run in this order
-- and each with a snapshot of its own, hence plpgsql, volatile, READ COMMITTED. The first row carries
-- the horizon even when the page is empty.
create function events_after(after bigint, page int)
    returns table (horizon bigint, log_position bigint, stream text, version int, type text, schema smallint,
                   data json, meta jsonb, recorded_at timestamptz) language plpgsql volatile as $$
declare
    reserved bigint;
    lowest_floor bigint;
    until bigint;
begin
    select last_value - (not is_called)::int into reserved from events_position_seq;
    if reserved <= after then
        return query select after, null::bigint, null::text, null::int, null::text, null::smallint,
                            null::json, null::jsonb, null::timestamptz;
        return;
    end if;
    select min(((classid::bigint & 65535) << 32) | objid::bigint) into lowest_floor
      from pg_locks
     where locktype = 'advisory' and granted and objsubid = 1 and classid::bigint >> 16 = 1
       and database = (select oid from pg_database where datname = current_database());
    until := greatest(after, least(reserved, coalesce(lowest_floor, reserved)));
    return query
        select until, e.position, e.stream, e.version, e.type, e.schema, e.data, e.meta, e.recorded_at
          from (values (1)) as always
          left join lateral (
               select * from events where events.position > after and events.position <= until
                order by events.position limit page) as e on true
         order by e.position;
end $$;

create table commands (
    id            uuid primary key,   -- the caller's idempotency key, or our own id
    actor         uuid,               -- on whose behalf, so that erasing drops the answer
    stream        text not null,
    first_version int not null,
    last_version  int not null,
    fingerprint   bytea,              -- of the request, when the caller may repeat it
    answer        bytea,              -- sealed; what the caller was told
    at            timestamptz not null
);
create index commands_to_forget on commands (at) where fingerprint is not null;
create index commands_by_actor on commands (actor) where answer is not null;

create table snapshots (
    stream  text not null,
    kind    text not null,
    version int not null,
    shape   text not null,            -- of the state's schema: a snapshot of another shape is ignored
    hash    bytea not null,           -- of the last event folded in
    state   json not null,
    primary key (stream, kind)
);

create table cursors (
    name     text primary key,
    position bigint not null,
    epoch    int not null default 0,  -- fences off a leader that does not know yet that it lost
    owner    text,
    beat     timestamptz
);

create table views (
    name     text primary key,
    version  text not null,           -- of the code that projects it and of its tables
    status   text not null check (status in ('building', 'live')),
    position bigint not null
);

create table published_streams (
    stream  text primary key,
    version int not null              -- the last one that was published: the `prev` of the next
);

create table inbox (
    consumer     text not null,
    source       text not null,
    stream       text not null,
    last_version int not null,
    parked       boolean not null default false,
    primary key (consumer, source, stream)
);

create table parked (
    id           bigint generated always as identity primary key,
    consumer     text not null,
    source       text not null,
    stream       text not null,
    version      int not null,
    type         text not null,
    reason       text not null,
    error        text not null,
    raw          bytea,               -- as it came; null once its person was erased
    data_subject uuid,
    attempts     int not null default 1,
    parked_at    timestamptz not null
);
create index parked_by_stream on parked (consumer, source, stream, version);
create index parked_by_person on parked (data_subject) where data_subject is not null;

create table timers (
    id      uuid primary key,
    due     timestamptz not null,
    kind    text not null,
    stream  text not null,
    version int not null,             -- the stream's version when the timer was set: a late one changes nothing
    message jsonb not null,
    done_at timestamptz
);
create index timers_due on timers (due) where done_at is null;

create table subject_keys (
    subject    uuid not null,
    n          int not null,
    wrapped    bytea,                 -- null: destroyed
    created_at timestamptz not null default clock_timestamp(),
    erased_at  timestamptz,
    primary key (subject, n)
);

create table outbound (
    key      uuid primary key,        -- made from the event's id: one call per cause
    kind     text not null,
    attempts int not null,
    outcome  text not null check (outcome in ('attempted', 'done', 'refused')),
    error    text,
    at       timestamptz not null
);
