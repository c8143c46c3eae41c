-- The ledger, SQLite. The same tables as migration/postgres.
--
-- What must never be wrong is refused here, whoever writes: a balance below
-- zero, a changed or deleted entry, an approver who made the plan, a second
-- post. Triggers repeat what foreign keys say, since another connection may
-- have them off, and refuse the reuse of a key, since INSERT OR REPLACE would
-- delete the old row without a DELETE trigger.
--
-- Days are TEXT like 2026-01-31, instants microseconds since 1970 UTC,
-- amounts whole units of the wallet (cents, or credits), hashes 64 hex digits.

CREATE TABLE audit (
    seq    INTEGER NOT NULL PRIMARY KEY CHECK (seq > 0),
    at     INTEGER NOT NULL,
    actor  TEXT    NOT NULL CHECK (actor <> ''),
    kind   TEXT    NOT NULL CHECK (kind <> ''),
    subject TEXT   NOT NULL,
    body   TEXT    NOT NULL,
    prev   TEXT    NOT NULL CHECK (length(prev) = 64),
    sha256 TEXT    NOT NULL CHECK (length(sha256) = 64)
) STRICT;

-- One row: the end of the chain. In PostgreSQL it is also the lock of writers.
CREATE TABLE audit_head (
    one    INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    seq    INTEGER NOT NULL,
    sha256 TEXT    NOT NULL
) STRICT;
INSERT INTO audit_head VALUES (1, 0, '0000000000000000000000000000000000000000000000000000000000000000');

CREATE TRIGGER audit_insert BEFORE INSERT ON audit BEGIN
    SELECT RAISE(ABORT, 'ledger: audit row out of order') FROM audit_head
    WHERE NEW.seq <> audit_head.seq + 1 OR NEW.prev <> audit_head.sha256;
END;
CREATE TRIGGER audit_inserted AFTER INSERT ON audit BEGIN
    UPDATE audit_head SET seq = NEW.seq, sha256 = NEW.sha256;
END;
CREATE TRIGGER audit_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'ledger: audit rows are immutable'); END;
CREATE TRIGGER audit_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'ledger: audit rows are immutable'); END;
CREATE TRIGGER audit_head_update BEFORE UPDATE ON audit_head
WHEN NOT EXISTS (SELECT 1 FROM audit WHERE seq = NEW.seq AND sha256 = NEW.sha256 AND prev = OLD.sha256) BEGIN
    SELECT RAISE(ABORT, 'ledger: the head follows the chain');
END;
CREATE TRIGGER audit_head_insert BEFORE INSERT ON audit_head BEGIN SELECT RAISE(ABORT, 'ledger: there is one head'); END;
CREATE TRIGGER audit_head_delete BEFORE DELETE ON audit_head BEGIN SELECT RAISE(ABORT, 'ledger: there is one head'); END;

CREATE TABLE wallets (
    wallet_id    TEXT    NOT NULL PRIMARY KEY CHECK (wallet_id <> ''),
    currency     TEXT    NOT NULL CHECK (currency IN ('BRL', 'credits:email', 'credits:sms', 'credits:whatsapp', 'credits:voice', 'credits:letter')),
    name         TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    audit_seq    INTEGER NOT NULL REFERENCES audit (seq)
) STRICT;
CREATE TRIGGER wallets_insert BEFORE INSERT ON wallets WHEN EXISTS (SELECT 1 FROM wallets WHERE wallet_id = NEW.wallet_id) BEGIN
    SELECT RAISE(ABORT, 'ledger: the wallet exists');
END;
CREATE TRIGGER wallets_update BEFORE UPDATE ON wallets BEGIN SELECT RAISE(ABORT, 'ledger: wallets are immutable'); END;
CREATE TRIGGER wallets_delete BEFORE DELETE ON wallets BEGIN SELECT RAISE(ABORT, 'ledger: wallets are immutable'); END;

CREATE TABLE plans (
    plan_id      TEXT    NOT NULL PRIMARY KEY CHECK (plan_id <> ''),
    maker        TEXT    NOT NULL CHECK (trim(maker) <> ''),
    sha256       TEXT    NOT NULL CHECK (length(sha256) = 64),
    file_sha256  TEXT    NOT NULL CHECK (length(file_sha256) IN (0, 64)),
    as_of        TEXT    NOT NULL CHECK (length(as_of) = 10),
    parent       TEXT    REFERENCES plans (plan_id),
    part         TEXT    NOT NULL,
    actions      INTEGER NOT NULL CHECK (actions > 0),
    cost_cents   INTEGER NOT NULL CHECK (cost_cents >= 0),
    value_cents  INTEGER NOT NULL,
    ends_at      INTEGER NOT NULL,
    created_at   INTEGER NOT NULL,
    state        TEXT    NOT NULL CHECK (state IN ('draft', 'submitted', 'approved', 'rejected', 'dispatching', 'closed', 'superseded', 'expired')),
    state_by     TEXT    NOT NULL,
    state_reason TEXT    NOT NULL,
    state_at     INTEGER NOT NULL,
    audit_seq    INTEGER NOT NULL REFERENCES audit (seq),
    UNIQUE (plan_id, maker, sha256)
) STRICT;
CREATE INDEX plans_state ON plans (state, ends_at);
CREATE TRIGGER plans_insert BEFORE INSERT ON plans BEGIN
    SELECT RAISE(ABORT, 'ledger: the plan exists') WHERE EXISTS (SELECT 1 FROM plans WHERE plan_id = NEW.plan_id);
    SELECT RAISE(ABORT, 'ledger: a plan begins as a draft') WHERE NEW.state <> 'draft';
END;
CREATE TRIGGER plans_delete BEFORE DELETE ON plans BEGIN SELECT RAISE(ABORT, 'ledger: plans are not deleted'); END;

CREATE TABLE actions (
    plan_id      TEXT    NOT NULL REFERENCES plans (plan_id),
    action_id    TEXT    NOT NULL CHECK (action_id <> ''),
    customer_id  TEXT    NOT NULL CHECK (customer_id <> ''),
    channel      TEXT    NOT NULL CHECK (channel IN ('email', 'sms', 'whatsapp', 'voice', 'letter')),
    day          TEXT    NOT NULL CHECK (length(day) = 10),
    window_start INTEGER NOT NULL,
    window_end   INTEGER NOT NULL CHECK (window_end > window_start),
    step         INTEGER NOT NULL,
    cost_cents   INTEGER NOT NULL CHECK (cost_cents >= 0),
    value_cents  INTEGER NOT NULL,
    reduced_cost_cents INTEGER NOT NULL,
    treat_prob   REAL    NOT NULL CHECK (treat_prob > 0 AND treat_prob <= 1),
    source       TEXT    NOT NULL,
    reason       TEXT    NOT NULL,
    segment      TEXT    NOT NULL,
    regua_id     TEXT    NOT NULL,
    regua_version INTEGER NOT NULL,
    regua_step   TEXT    NOT NULL,
    template     TEXT    NOT NULL,
    PRIMARY KEY (plan_id, action_id)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER actions_insert BEFORE INSERT ON actions BEGIN
    SELECT RAISE(ABORT, 'ledger: the action exists') WHERE EXISTS (SELECT 1 FROM actions WHERE plan_id = NEW.plan_id AND action_id = NEW.action_id);
    SELECT RAISE(ABORT, 'ledger: actions are added to a draft only') WHERE NOT EXISTS (SELECT 1 FROM plans WHERE plan_id = NEW.plan_id AND state = 'draft');
END;
CREATE TRIGGER actions_update BEFORE UPDATE ON actions BEGIN SELECT RAISE(ABORT, 'ledger: actions are immutable'); END;
CREATE TRIGGER actions_delete BEFORE DELETE ON actions BEGIN SELECT RAISE(ABORT, 'ledger: actions are immutable'); END;

CREATE TABLE approvals (
    plan_id      TEXT    NOT NULL PRIMARY KEY,
    sha256       TEXT    NOT NULL,
    maker        TEXT    NOT NULL,
    approver     TEXT    NOT NULL CHECK (trim(approver) <> ''),
    reason       TEXT    NOT NULL CHECK (trim(reason) <> ''),
    at           INTEGER NOT NULL,
    request_sha256 TEXT  NOT NULL,
    audit_seq    INTEGER NOT NULL REFERENCES audit (seq),
    audit_sha256 TEXT    NOT NULL,
    CONSTRAINT approver_is_not_maker CHECK (lower(trim(approver)) <> lower(trim(maker))),
    FOREIGN KEY (plan_id, maker, sha256) REFERENCES plans (plan_id, maker, sha256)
) STRICT;
CREATE TRIGGER approvals_insert BEFORE INSERT ON approvals BEGIN
    SELECT RAISE(ABORT, 'ledger: the plan is approved already') WHERE EXISTS (SELECT 1 FROM approvals WHERE plan_id = NEW.plan_id);
    SELECT RAISE(ABORT, 'ledger: an approval names a submitted plan, its maker and its hash')
    WHERE NOT EXISTS (SELECT 1 FROM plans WHERE plan_id = NEW.plan_id AND maker = NEW.maker AND sha256 = NEW.sha256 AND state = 'submitted');
    SELECT RAISE(ABORT, 'ledger: an approval names its audit row')
    WHERE NOT EXISTS (SELECT 1 FROM audit WHERE seq = NEW.audit_seq AND sha256 = NEW.audit_sha256);
END;
CREATE TRIGGER approvals_update BEFORE UPDATE ON approvals BEGIN SELECT RAISE(ABORT, 'ledger: approvals are immutable'); END;
CREATE TRIGGER approvals_delete BEFORE DELETE ON approvals BEGIN SELECT RAISE(ABORT, 'ledger: approvals are immutable'); END;

CREATE TRIGGER plans_update BEFORE UPDATE ON plans BEGIN
    SELECT RAISE(ABORT, 'ledger: of a plan only the state changes')
    WHERE NEW.plan_id <> OLD.plan_id OR NEW.maker <> OLD.maker OR NEW.sha256 <> OLD.sha256 OR NEW.file_sha256 <> OLD.file_sha256
        OR NEW.as_of <> OLD.as_of OR NEW.parent IS NOT OLD.parent OR NEW.part <> OLD.part OR NEW.actions <> OLD.actions
        OR NEW.cost_cents <> OLD.cost_cents OR NEW.value_cents <> OLD.value_cents OR NEW.ends_at <> OLD.ends_at
        OR NEW.created_at <> OLD.created_at OR NEW.audit_seq <> OLD.audit_seq;
    SELECT RAISE(ABORT, 'ledger: no way from this state of a plan to that one')
    WHERE OLD.state || ' ' || NEW.state NOT IN ('draft submitted', 'draft superseded', 'draft expired',
        'submitted approved', 'submitted rejected', 'submitted superseded', 'submitted expired',
        'approved dispatching', 'approved closed', 'approved superseded', 'approved expired',
        'dispatching closed', 'dispatching superseded', 'dispatching expired');
    SELECT RAISE(ABORT, 'ledger: no approval of this plan')
    WHERE NEW.state = 'approved' AND NOT EXISTS (SELECT 1 FROM approvals WHERE plan_id = NEW.plan_id);
    SELECT RAISE(ABORT, 'ledger: the plan has not all its actions')
    WHERE NEW.state = 'submitted' AND (SELECT count(*) FROM actions WHERE plan_id = NEW.plan_id) <> NEW.actions;
END;

-- A wallet's first entry is a top-up, which names a wallet that is there; later
-- ones follow it. What posts and releases refer to follows from their action in
-- the queue. So no foreign keys are looked up for them.
--
-- Entries carry the running balances of their wallet, so that no balance is
-- kept outside of an immutable row, and every row is a full proof: what was
-- funded is available, reserved or spent.
CREATE TABLE entries (
    entry_id   TEXT    NOT NULL CHECK (entry_id <> ''),
    wallet_id  TEXT    NOT NULL,
    seq        INTEGER NOT NULL CHECK (seq > 0),
    kind       TEXT    NOT NULL,
    status     TEXT    NOT NULL,
    debit      TEXT    NOT NULL,
    credit     TEXT    NOT NULL,
    amount     INTEGER NOT NULL CHECK (amount >= 0 AND amount <= 1000000000000000),
    reserve_id TEXT,    -- of a reserve its own id; of a post or release the reserve it uses up
    left_after INTEGER CHECK (left_after >= 0), -- what remains of that reserve
    plan_id    TEXT,    -- of a reserve, post or release
    action_id  TEXT,    -- of a post or release
    number     INTEGER, -- of a post or release: the action's number in the queue
    refund_of  TEXT,    -- of a refund: the post, and its action's number
    refund_number INTEGER,
    funding    INTEGER NOT NULL CHECK (funding >= 0 AND funding <= 9000000000000000),
    available  INTEGER NOT NULL,
    reserved   INTEGER NOT NULL,
    spent      INTEGER NOT NULL,
    actor      TEXT    NOT NULL CHECK (actor <> ''),
    reason     TEXT    NOT NULL,
    at         INTEGER NOT NULL,
    request_sha256 TEXT NOT NULL,
    audit_seq  INTEGER NOT NULL REFERENCES audit (seq),
    PRIMARY KEY (wallet_id, seq),
    CONSTRAINT no_overdraft CHECK (available >= 0 AND reserved >= 0 AND spent >= 0),
    CONSTRAINT books_balance CHECK (funding = available + reserved + spent),
    CONSTRAINT kind_moves CHECK (kind || ' ' || status || ' ' || credit || ' ' || debit IN (
        'top_up posted funding available', 'reserve pending available reserved', 'post posted reserved spent',
        'release voided reserved available', 'refund posted spent available')),
    CONSTRAINT kind_names CHECK (
        (kind IN ('reserve', 'post', 'release')) = (reserve_id IS NOT NULL) AND (reserve_id IS NULL) = (left_after IS NULL)
        AND (kind IN ('reserve', 'post', 'release')) = (plan_id IS NOT NULL)
        AND (kind IN ('post', 'release')) = (action_id IS NOT NULL) AND (action_id IS NULL) = (number IS NULL)
        AND (kind = 'refund') = (refund_of IS NOT NULL) AND (refund_of IS NULL) = (refund_number IS NULL)
        AND (number IS NULL OR entry_id = kind || '/' || action_id) AND (kind NOT IN ('top_up', 'refund') OR entry_id NOT LIKE '%/%')
        AND (kind <> 'reserve' OR reserve_id = entry_id) AND (amount > 0 OR kind IN ('reserve', 'post', 'release')))
) STRICT, WITHOUT ROWID;
-- Ids of posts and releases follow from their actions, so that one index less
-- is written for them, and that by number: what is sent together lies together.
CREATE UNIQUE INDEX entries_id ON entries (entry_id) WHERE number IS NULL;
CREATE UNIQUE INDEX entries_once ON entries (number, kind) WHERE number IS NOT NULL;
CREATE UNIQUE INDEX entries_reserve_once ON entries (plan_id, wallet_id) WHERE kind = 'reserve';
CREATE INDEX entries_reserve ON entries (reserve_id, seq) WHERE reserve_id IS NOT NULL;
CREATE INDEX entries_refund ON entries (refund_number) WHERE refund_number IS NOT NULL;

CREATE TABLE leases (
    fence      INTEGER NOT NULL PRIMARY KEY CHECK (fence > 0),
    lease_id   TEXT    NOT NULL UNIQUE CHECK (lease_id <> ''),
    dispatcher TEXT    NOT NULL CHECK (dispatcher <> ''),
    day        TEXT    NOT NULL,
    channel    TEXT    NOT NULL,
    at         INTEGER NOT NULL,
    request_sha256 TEXT NOT NULL,
    audit_seq  INTEGER NOT NULL REFERENCES audit (seq),
    answer     TEXT    NOT NULL -- what was handed out, as JSON
) STRICT;
CREATE TRIGGER leases_insert BEFORE INSERT ON leases
WHEN NEW.fence <> (SELECT coalesce(max(fence), 0) + 1 FROM leases) OR EXISTS (SELECT 1 FROM leases WHERE lease_id = NEW.lease_id) BEGIN
    SELECT RAISE(ABORT, 'ledger: fences count up by one, lease ids are used once');
END;
CREATE TRIGGER leases_update BEFORE UPDATE ON leases BEGIN SELECT RAISE(ABORT, 'ledger: leases are immutable'); END;
CREATE TRIGGER leases_delete BEFORE DELETE ON leases BEGIN SELECT RAISE(ABORT, 'ledger: leases are immutable'); END;

-- One row per approved action: where it stands on its way out.
CREATE TABLE dispatches (
    number       INTEGER NOT NULL PRIMARY KEY CHECK (number > 0), -- in the order of the queue
    action_id    TEXT    NOT NULL UNIQUE,
    plan_id      TEXT    NOT NULL REFERENCES approvals (plan_id),
    wallet_id    TEXT    NOT NULL,
    reserve_id   TEXT    NOT NULL,
    amount       INTEGER NOT NULL CHECK (amount >= 0),
    customer_id  TEXT    NOT NULL,
    day          TEXT    NOT NULL,
    channel      TEXT    NOT NULL,
    window_start INTEGER NOT NULL,
    window_end   INTEGER NOT NULL,
    value_cents  INTEGER NOT NULL,
    state        TEXT    NOT NULL CHECK (state IN ('waiting', 'leased', 'sent', 'failed', 'withheld', 'expired')),
    fence        INTEGER NOT NULL DEFAULT 0 CHECK (fence >= 0),
    lease_until  INTEGER NOT NULL DEFAULT 0 CHECK (lease_until <= window_end),
    attempts     INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    ended_at     INTEGER,
    ended_by     TEXT,
    provider_id  TEXT,
    real_cost_cents INTEGER CHECK (real_cost_cents >= 0),
    detail       TEXT,
    request_sha256 TEXT,
    unsent       INTEGER NOT NULL DEFAULT 0 CHECK (unsent IN (0, 1)), -- 1: ended without being sent
    CHECK ((state IN ('waiting', 'leased')) = (ended_at IS NULL)),
    CHECK (state <> 'leased' OR fence > 0),
    CHECK (unsent = 0 OR state IN ('failed', 'withheld', 'expired')),
    FOREIGN KEY (plan_id, action_id) REFERENCES actions (plan_id, action_id)
) STRICT;
CREATE INDEX dispatches_waiting ON dispatches (day, channel, value_cents DESC, action_id) WHERE state = 'waiting';
CREATE INDEX dispatches_leased ON dispatches (day, channel, lease_until) WHERE state = 'leased';
CREATE INDEX dispatches_plan ON dispatches (plan_id); -- without the state: it is not to be written at every change of it
-- Asked for at every lease. Customers are in no order that has to do with what is
-- sent together, so that each entry lies in a page of its own: none is written when
-- an action is leased or sent, and the many that end unsent leave.
CREATE INDEX dispatches_customer ON dispatches (customer_id, day) WHERE unsent = 0;
CREATE INDEX dispatches_sent_at ON dispatches (ended_at) WHERE state = 'sent';

CREATE TRIGGER dispatches_insert BEFORE INSERT ON dispatches BEGIN
    SELECT RAISE(ABORT, 'ledger: the action is approved already') WHERE EXISTS (SELECT 1 FROM dispatches WHERE action_id = NEW.action_id OR number = NEW.number);
    SELECT RAISE(ABORT, 'ledger: an approved action begins waiting') WHERE NEW.state <> 'waiting' OR NEW.fence <> 0;
    SELECT RAISE(ABORT, 'ledger: nothing is dispatched that was not approved')
    WHERE NOT EXISTS (SELECT 1 FROM approvals p JOIN actions a ON a.plan_id = p.plan_id
        WHERE p.plan_id = NEW.plan_id AND a.action_id = NEW.action_id AND a.day = NEW.day AND a.channel = NEW.channel AND a.customer_id = NEW.customer_id
        AND a.window_start = NEW.window_start AND a.window_end = NEW.window_end);
    SELECT RAISE(ABORT, 'ledger: an approved action has money reserved')
    WHERE NOT EXISTS (SELECT 1 FROM entries WHERE entry_id = NEW.reserve_id AND number IS NULL AND kind = 'reserve' AND plan_id = NEW.plan_id AND wallet_id = NEW.wallet_id);
END;
CREATE TRIGGER dispatches_update BEFORE UPDATE ON dispatches BEGIN
    SELECT RAISE(ABORT, 'ledger: the action has ended') WHERE OLD.state NOT IN ('waiting', 'leased');
    SELECT RAISE(ABORT, 'ledger: a fence never goes back') WHERE NEW.fence < OLD.fence;
    SELECT RAISE(ABORT, 'ledger: a lease is taken over once it has lapsed')
    WHERE NEW.fence > OLD.fence AND NOT EXISTS (SELECT 1 FROM leases l WHERE l.fence = NEW.fence AND (OLD.state = 'waiting' OR l.at >= OLD.lease_until));
    SELECT RAISE(ABORT, 'ledger: an action that waits needs a new lease')
    WHERE OLD.state = 'waiting' AND NEW.state = 'leased' AND NEW.fence = OLD.fence;
    SELECT RAISE(ABORT, 'ledger: what is sent is posted, what is not is released, to the last cent') WHERE NEW.state NOT IN ('waiting', 'leased')
        AND ((NEW.state = 'sent') <> EXISTS (SELECT 1 FROM entries WHERE number = NEW.number AND kind = 'post')
            OR NEW.amount IS NOT (SELECT sum(amount) FROM entries WHERE number = NEW.number AND kind IN ('post', 'release')));
END;
CREATE TRIGGER dispatches_fixed BEFORE UPDATE OF number, action_id, plan_id, wallet_id, reserve_id, amount, customer_id, day, channel, window_start, window_end, value_cents ON dispatches BEGIN
    SELECT RAISE(ABORT, 'ledger: an action keeps what was approved');
END;
CREATE TRIGGER dispatches_delete BEFORE DELETE ON dispatches BEGIN SELECT RAISE(ABORT, 'ledger: approved actions are not deleted'); END;

CREATE TRIGGER entries_insert BEFORE INSERT ON entries BEGIN
    SELECT RAISE(ABORT, 'ledger: the entry exists') WHERE EXISTS (SELECT 1 FROM entries WHERE wallet_id = NEW.wallet_id AND seq >= NEW.seq)
        OR NEW.number IS NULL AND EXISTS (SELECT 1 FROM entries WHERE entry_id = NEW.entry_id AND number IS NULL)
        OR EXISTS (SELECT 1 FROM entries WHERE number = NEW.number AND kind = NEW.kind);
    SELECT RAISE(ABORT, 'ledger: balances do not follow from the entry before')
    WHERE NOT EXISTS (SELECT 1 FROM entries p WHERE p.wallet_id = NEW.wallet_id AND p.seq = NEW.seq - 1
            AND NEW.funding = p.funding + NEW.amount * (NEW.credit = 'funding')
            AND NEW.available = p.available + NEW.amount * ((NEW.debit = 'available') - (NEW.credit = 'available'))
            AND NEW.reserved = p.reserved + NEW.amount * ((NEW.debit = 'reserved') - (NEW.credit = 'reserved'))
            AND NEW.spent = p.spent + NEW.amount * ((NEW.debit = 'spent') - (NEW.credit = 'spent')))
        AND (NEW.seq <> 1 OR NEW.kind <> 'top_up' OR NEW.funding <> NEW.amount OR NEW.available <> NEW.amount OR NEW.reserved <> 0 OR NEW.spent <> 0);
    SELECT RAISE(ABORT, 'ledger: no such wallet') WHERE NEW.kind = 'top_up' AND NOT EXISTS (SELECT 1 FROM wallets WHERE wallet_id = NEW.wallet_id);
    SELECT RAISE(ABORT, 'ledger: a reserve is of an approved plan and begins with its whole amount')
    WHERE NEW.kind = 'reserve' AND (NEW.left_after <> NEW.amount OR NOT EXISTS (SELECT 1 FROM approvals WHERE plan_id = NEW.plan_id));
    SELECT RAISE(ABORT, 'ledger: more than is left of the reserve')
    WHERE NEW.kind IN ('post', 'release') AND NEW.left_after IS NOT (SELECT left_after - NEW.amount FROM entries
        WHERE reserve_id = NEW.reserve_id AND +wallet_id = NEW.wallet_id AND +plan_id = NEW.plan_id ORDER BY seq DESC LIMIT 1); -- +: not through all of a wallet
    SELECT RAISE(ABORT, 'ledger: more than was reserved for the action, or the action has ended')
    WHERE NEW.kind IN ('post', 'release') AND NOT EXISTS (SELECT 1 FROM dispatches d
        WHERE d.number = NEW.number AND d.action_id = NEW.action_id AND d.reserve_id = NEW.reserve_id AND d.plan_id = NEW.plan_id AND d.wallet_id = NEW.wallet_id AND d.state IN ('waiting', 'leased')
        AND NEW.amount + coalesce((SELECT sum(e.amount) FROM entries e WHERE e.number = NEW.number AND e.kind IN ('post', 'release')), 0) <= d.amount);
    SELECT RAISE(ABORT, 'ledger: more than was posted')
    WHERE NEW.kind = 'refund' AND NOT EXISTS (SELECT 1 FROM entries p WHERE p.number = NEW.refund_number AND p.kind = 'post' AND p.entry_id = NEW.refund_of AND p.wallet_id = NEW.wallet_id
        AND NEW.amount + coalesce((SELECT sum(r.amount) FROM entries r WHERE r.refund_number = NEW.refund_number), 0) <= p.amount);
END;
CREATE TRIGGER entries_update BEFORE UPDATE ON entries BEGIN SELECT RAISE(ABORT, 'ledger: entries are immutable'); END;
CREATE TRIGGER entries_delete BEFORE DELETE ON entries BEGIN SELECT RAISE(ABORT, 'ledger: entries are immutable'); END;

-- First answers to writes, by who asked and the key he chose.
CREATE TABLE answers (
    scope          TEXT    NOT NULL,
    key            TEXT    NOT NULL CHECK (key <> ''),
    request_sha256 TEXT    NOT NULL CHECK (length(request_sha256) = 64),
    status         INTEGER NOT NULL,
    content_type   TEXT    NOT NULL,
    body           BLOB    NOT NULL,
    at             INTEGER NOT NULL,
    PRIMARY KEY (scope, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX answers_at ON answers (at);
CREATE TRIGGER answers_insert BEFORE INSERT ON answers WHEN EXISTS (SELECT 1 FROM answers WHERE scope = NEW.scope AND key = NEW.key) BEGIN
    SELECT RAISE(ABORT, 'ledger: the key was answered');
END;
CREATE TRIGGER answers_update BEFORE UPDATE ON answers BEGIN SELECT RAISE(ABORT, 'ledger: answers are immutable'); END;

-- What was reported from outside: what became of touches, payments, opt-outs.
CREATE TABLE events (
    seq         INTEGER NOT NULL PRIMARY KEY CHECK (seq > 0), -- in the order in which they came
    event_id    TEXT    NOT NULL UNIQUE CHECK (event_id <> ''),
    kind        TEXT    NOT NULL,
    customer_id TEXT    NOT NULL CHECK (customer_id <> ''),
    received_at INTEGER NOT NULL,
    body        TEXT    NOT NULL, -- the event, as JSON
    audit_seq   INTEGER NOT NULL REFERENCES audit (seq)
) STRICT;
CREATE INDEX events_customer ON events (customer_id); -- asked for at every lease
CREATE INDEX events_received ON events (received_at);
CREATE TRIGGER events_insert BEFORE INSERT ON events WHEN EXISTS (SELECT 1 FROM events WHERE event_id = NEW.event_id OR seq = NEW.seq) BEGIN
    SELECT RAISE(ABORT, 'ledger: the event is known');
END;
CREATE TRIGGER events_update BEFORE UPDATE ON events BEGIN SELECT RAISE(ABORT, 'ledger: events are immutable'); END;
CREATE TRIGGER events_delete BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'ledger: events are immutable'); END;
