-- Version 1. Times are milliseconds since 1970, UTC; digests are 16 bytes; codes are those of codes.rs.

-- A target namespace: `target` names an index unmistakably, `namespace` is in its one spelling.
CREATE TABLE ledger_key (
    key INTEGER PRIMARY KEY,
    target TEXT NOT NULL,
    namespace TEXT NOT NULL,
    UNIQUE (target, namespace)
) STRICT;

-- How vectors were made: a few words, named by millions of ledger rows.
CREATE TABLE maker (
    key INTEGER PRIMARY KEY,
    word TEXT NOT NULL UNIQUE
) STRICT;

-- What a run found and settled since it began or was last reset. A reset starts a new one, so that it takes no time;
-- `garbage` ones are deleted piece by piece later. AUTOINCREMENT: a key is never given twice.
CREATE TABLE generation (
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    garbage INTEGER NOT NULL DEFAULT 0
) STRICT;

-- What lists of runs and decisions need, in a small row. The key grows in the order in which runs began.
CREATE TABLE run (
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    ledger INTEGER NOT NULL REFERENCES ledger_key,
    -- NULL once the records behind the counts were forgotten.
    generation INTEGER REFERENCES generation,
    -- Rows in `record`, give or take those that were written twice: the measure of what a run takes up.
    records INTEGER NOT NULL DEFAULT 0,
    kind INTEGER NOT NULL,
    -- 1 if the run neither pays nor writes.
    dry INTEGER NOT NULL,
    namespace TEXT NOT NULL,
    state INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    finished_at INTEGER,
    plan_hash TEXT,
    -- Lines that were ever logged, and those of them that were forgotten.
    log_lines INTEGER NOT NULL DEFAULT 0,
    log_dropped INTEGER NOT NULL DEFAULT 0,
    -- protocol::RunSummary as JSON.
    summary TEXT NOT NULL
) STRICT;
CREATE INDEX run_plan ON run (ledger, plan_hash) WHERE plan_hash IS NOT NULL;

-- protocol::RunView as JSON, without plan, log and failures.
CREATE TABLE snapshot (
    run INTEGER PRIMARY KEY REFERENCES run,
    view TEXT NOT NULL
) STRICT;

-- protocol::Plan as JSON. Apart from the snapshot, which is written often and would carry it along.
CREATE TABLE plan (
    run INTEGER PRIMARY KEY REFERENCES run,
    body TEXT NOT NULL
) STRICT;

CREATE TABLE checkpoint (
    run INTEGER PRIMARY KEY REFERENCES run,
    body TEXT NOT NULL
) STRICT;

CREATE TABLE ask (
    run INTEGER PRIMARY KEY REFERENCES run,
    ask INTEGER NOT NULL
) STRICT;

-- The big tables. No foreign keys: a check for each of a million rows would guard against nothing, since their keys come
-- from the row that the same transaction has just read.

CREATE TABLE log (
    run INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    at INTEGER NOT NULL,
    level INTEGER NOT NULL,
    message TEXT NOT NULL,
    PRIMARY KEY (run, seq)
) STRICT, WITHOUT ROWID;

-- The key keeps the order in which records failed first.
CREATE TABLE failure (
    key INTEGER PRIMARY KEY,
    run INTEGER NOT NULL,
    id TEXT NOT NULL,
    step INTEGER NOT NULL,
    message TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    at INTEGER NOT NULL,
    UNIQUE (run, id)
) STRICT;
CREATE INDEX failure_order ON failure (run);

-- Found, and not settled.
CREATE TABLE pending (
    generation INTEGER NOT NULL,
    id TEXT NOT NULL,
    found INTEGER NOT NULL,
    PRIMARY KEY (generation, id)
) STRICT, WITHOUT ROWID;

-- Settled. `class` is a category, or a pair of categories that a record is mostly in at once.
CREATE TABLE record (
    generation INTEGER NOT NULL,
    class INTEGER NOT NULL,
    id TEXT NOT NULL,
    digest BLOB,
    PRIMARY KEY (generation, class, id)
) STRICT, WITHOUT ROWID;

-- The texts that the settled records would have embedded, each once.
CREATE TABLE planned_text (
    generation INTEGER NOT NULL,
    text BLOB NOT NULL,
    PRIMARY KEY (generation, text)
) STRICT, WITHOUT ROWID;

-- The vector that tain wrote last, for each record of a target namespace, and the run that wrote it.
CREATE TABLE ledger (
    ledger INTEGER NOT NULL,
    id TEXT NOT NULL,
    text BLOB NOT NULL,
    vector BLOB NOT NULL,
    maker INTEGER NOT NULL,
    run INTEGER NOT NULL,
    PRIMARY KEY (ledger, id)
) STRICT, WITHOUT ROWID;

-- Runs that were removed, and whose log and failures are still to be deleted piece by piece.
CREATE TABLE removed_run (
    key INTEGER PRIMARY KEY
) STRICT;

CREATE TABLE schedule (
    id TEXT PRIMARY KEY,
    created_at INTEGER NOT NULL,
    next_at INTEGER,
    -- protocol::ScheduleSpec and protocol::LastRun as JSON.
    spec TEXT NOT NULL,
    last TEXT
) STRICT, WITHOUT ROWID;
