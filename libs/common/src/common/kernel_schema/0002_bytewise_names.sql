-- Names of streams and types are compared byte by byte: their order means nothing to a reader of some
-- language, and a locale's comparison costs a tenth of an append on an ordinary server.

alter table events
    alter column stream type text collate "C",
    alter column category type text collate "C",
    alter column type type text collate "C";
alter table commands alter column stream type text collate "C";
alter table snapshots alter column stream type text collate "C";
alter table published_streams alter column stream type text collate "C";
alter table inbox
    alter column consumer type text collate "C",
    alter column source type text collate "C",
    alter column stream type text collate "C";
