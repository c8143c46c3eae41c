-- The ledger, PostgreSQL. The same tables as migration/sqlite, where the
-- comments on them are; what SQLite's triggers refuse, the functions at the
-- end refuse here, TRUNCATE too.
--
-- Ids are compared byte by byte (COLLATE "C"), so that both databases give one
-- order.

CREATE TABLE audit (
    seq    BIGINT  NOT NULL PRIMARY KEY CHECK (seq > 0),
    at     BIGINT  NOT NULL,
    actor  TEXT    NOT NULL CHECK (actor <> ''),
    kind   TEXT    NOT NULL CHECK (kind <> ''),
    subject TEXT   NOT NULL,
    body   TEXT    NOT NULL,
    prev   TEXT    NOT NULL CHECK (length(prev) = 64),
    sha256 TEXT    NOT NULL CHECK (length(sha256) = 64)
);

-- One row: the end of the chain, and the lock of writers.
CREATE TABLE audit_head (
    one    BIGINT  NOT NULL PRIMARY KEY CHECK (one = 1),
    seq    BIGINT  NOT NULL,
    sha256 TEXT    NOT NULL
);
INSERT INTO audit_head VALUES (1, 0, '0000000000000000000000000000000000000000000000000000000000000000');

CREATE TABLE wallets (
    wallet_id    TEXT COLLATE "C"    NOT NULL PRIMARY KEY CHECK (wallet_id <> ''),
    currency     TEXT    NOT NULL CHECK (currency IN ('BRL', 'credits:email', 'credits:sms', 'credits:whatsapp', 'credits:voice', 'credits:letter')),
    name         TEXT    NOT NULL,
    created_at   BIGINT  NOT NULL,
    audit_seq    BIGINT  NOT NULL REFERENCES audit (seq)
);

CREATE TABLE plans (
    plan_id      TEXT COLLATE "C"    NOT NULL PRIMARY KEY CHECK (plan_id <> ''),
    maker        TEXT    NOT NULL CHECK (trim(maker) <> ''),
    sha256       TEXT    NOT NULL CHECK (length(sha256) = 64),
    file_sha256  TEXT    NOT NULL CHECK (length(file_sha256) IN (0, 64)),
    as_of        TEXT COLLATE "C"    NOT NULL CHECK (length(as_of) = 10),
    parent       TEXT COLLATE "C"    REFERENCES plans (plan_id),
    part         TEXT    NOT NULL,
    actions      BIGINT  NOT NULL CHECK (actions > 0),
    cost_cents   BIGINT  NOT NULL CHECK (cost_cents >= 0),
    value_cents  BIGINT  NOT NULL,
    ends_at      BIGINT  NOT NULL,
    created_at   BIGINT  NOT NULL,
    state        TEXT    NOT NULL CHECK (state IN ('draft', 'submitted', 'approved', 'rejected', 'dispatching', 'closed', 'superseded', 'expired')),
    state_by     TEXT    NOT NULL,
    state_reason TEXT    NOT NULL,
    state_at     BIGINT  NOT NULL,
    audit_seq    BIGINT  NOT NULL REFERENCES audit (seq),
    UNIQUE (plan_id, maker, sha256)
);
CREATE INDEX plans_state ON plans (state, ends_at);

CREATE TABLE actions (
    plan_id      TEXT COLLATE "C"    NOT NULL REFERENCES plans (plan_id),
    action_id    TEXT COLLATE "C"    NOT NULL CHECK (action_id <> ''),
    customer_id  TEXT COLLATE "C"    NOT NULL CHECK (customer_id <> ''),
    channel      TEXT COLLATE "C"    NOT NULL CHECK (channel IN ('email', 'sms', 'whatsapp', 'voice', 'letter')),
    day          TEXT COLLATE "C"    NOT NULL CHECK (length(day) = 10),
    window_start BIGINT  NOT NULL,
    window_end   BIGINT  NOT NULL CHECK (window_end > window_start),
    step         BIGINT  NOT NULL,
    cost_cents   BIGINT  NOT NULL CHECK (cost_cents >= 0),
    value_cents  BIGINT  NOT NULL,
    reduced_cost_cents BIGINT  NOT NULL,
    treat_prob   DOUBLE PRECISION NOT NULL CHECK (treat_prob > 0 AND treat_prob <= 1),
    source       TEXT    NOT NULL,
    reason       TEXT    NOT NULL,
    segment      TEXT    NOT NULL,
    regua_id     TEXT    NOT NULL,
    regua_version INTEGER NOT NULL,
    regua_step   TEXT    NOT NULL,
    template     TEXT    NOT NULL,
    PRIMARY KEY (plan_id, action_id)
);

CREATE TABLE approvals (
    plan_id      TEXT COLLATE "C"    NOT NULL PRIMARY KEY,
    sha256       TEXT    NOT NULL,
    maker        TEXT    NOT NULL,
    approver     TEXT    NOT NULL CHECK (trim(approver) <> ''),
    reason       TEXT    NOT NULL CHECK (trim(reason) <> ''),
    at           BIGINT  NOT NULL,
    request_sha256 TEXT  NOT NULL,
    audit_seq    BIGINT  NOT NULL REFERENCES audit (seq),
    audit_sha256 TEXT    NOT NULL,
    CONSTRAINT approver_is_not_maker CHECK (lower(trim(approver)) <> lower(trim(maker))),
    FOREIGN KEY (plan_id, maker, sha256) REFERENCES plans (plan_id, maker, sha256)
);

-- Entries carry the running balances of their wallet, so that no balance is
-- kept outside of an immutable row, and every row is a full proof: what was
-- funded is available, reserved or spent.
CREATE TABLE entries (
    entry_id   TEXT COLLATE "C" NOT NULL CHECK (entry_id <> ''),
    wallet_id  TEXT COLLATE "C"    NOT NULL REFERENCES wallets (wallet_id),
    seq        BIGINT  NOT NULL CHECK (seq > 0),
    kind       TEXT    NOT NULL,
    status     TEXT    NOT NULL,
    debit      TEXT    NOT NULL,
    credit     TEXT    NOT NULL,
    amount     BIGINT  NOT NULL CHECK (amount >= 0 AND amount <= 1000000000000000),
    reserve_id TEXT COLLATE "C",    -- of a reserve its own id; of a post or release the reserve it uses up
    left_after BIGINT CHECK (left_after >= 0), -- what remains of that reserve
    plan_id    TEXT COLLATE "C"    REFERENCES approvals (plan_id),
    action_id  TEXT COLLATE "C",    -- of a post or release
    number     BIGINT, -- of a post or release: the action's number in the queue
    refund_of  TEXT COLLATE "C",    -- of a refund: the post, and its action's number
    refund_number BIGINT,
    funding    BIGINT  NOT NULL CHECK (funding >= 0 AND funding <= 9000000000000000),
    available  BIGINT  NOT NULL,
    reserved   BIGINT  NOT NULL,
    spent      BIGINT  NOT NULL,
    actor      TEXT    NOT NULL CHECK (actor <> ''),
    reason     TEXT    NOT NULL,
    at         BIGINT  NOT NULL,
    request_sha256 TEXT NOT NULL,
    audit_seq  BIGINT  NOT NULL REFERENCES audit (seq),
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
);
-- Ids of posts and releases follow from their actions, so that one index less
-- is written for them, and that by number: what is sent together lies together.
CREATE UNIQUE INDEX entries_id ON entries (entry_id) WHERE number IS NULL;
CREATE UNIQUE INDEX entries_once ON entries (number, kind) WHERE number IS NOT NULL;
CREATE UNIQUE INDEX entries_reserve_once ON entries (plan_id, wallet_id) WHERE kind = 'reserve';
CREATE INDEX entries_reserve ON entries (reserve_id, seq) WHERE reserve_id IS NOT NULL;
CREATE INDEX entries_refund ON entries (refund_number) WHERE refund_number IS NOT NULL;

CREATE TABLE leases (
    fence      BIGINT  NOT NULL PRIMARY KEY CHECK (fence > 0),
    lease_id   TEXT COLLATE "C"    NOT NULL UNIQUE CHECK (lease_id <> ''),
    dispatcher TEXT    NOT NULL CHECK (dispatcher <> ''),
    day        TEXT COLLATE "C"    NOT NULL,
    channel    TEXT COLLATE "C"    NOT NULL,
    at         BIGINT  NOT NULL,
    request_sha256 TEXT NOT NULL,
    audit_seq  BIGINT  NOT NULL REFERENCES audit (seq),
    answer     TEXT    NOT NULL -- what was handed out, as JSON
);

-- One row per approved action: where it stands on its way out.
CREATE TABLE dispatches (
    number       BIGINT NOT NULL PRIMARY KEY CHECK (number > 0), -- in the order of the queue
    action_id    TEXT COLLATE "C" NOT NULL UNIQUE,
    plan_id      TEXT COLLATE "C"    NOT NULL REFERENCES approvals (plan_id),
    wallet_id    TEXT COLLATE "C"    NOT NULL,
    reserve_id   TEXT COLLATE "C"    NOT NULL,
    amount       BIGINT  NOT NULL CHECK (amount >= 0),
    customer_id  TEXT COLLATE "C"    NOT NULL,
    day          TEXT COLLATE "C"    NOT NULL,
    channel      TEXT COLLATE "C"    NOT NULL,
    window_start BIGINT  NOT NULL,
    window_end   BIGINT  NOT NULL,
    value_cents  BIGINT  NOT NULL,
    state        TEXT    NOT NULL CHECK (state IN ('waiting', 'leased', 'sent', 'failed', 'withheld', 'expired')),
    fence        BIGINT  NOT NULL DEFAULT 0 CHECK (fence >= 0),
    lease_until  BIGINT  NOT NULL DEFAULT 0 CHECK (lease_until <= window_end),
    attempts     BIGINT  NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    ended_at     BIGINT,
    ended_by     TEXT,
    provider_id  TEXT,
    real_cost_cents BIGINT CHECK (real_cost_cents >= 0),
    detail       TEXT,
    request_sha256 TEXT,
    unsent       SMALLINT NOT NULL DEFAULT 0 CHECK (unsent IN (0, 1)), -- 1: ended without being sent
    CHECK ((state IN ('waiting', 'leased')) = (ended_at IS NULL)),
    CHECK (state <> 'leased' OR fence > 0),
    CHECK (unsent = 0 OR state IN ('failed', 'withheld', 'expired')),
    FOREIGN KEY (plan_id, action_id) REFERENCES actions (plan_id, action_id)
);
CREATE INDEX dispatches_waiting ON dispatches (day, channel, value_cents DESC, action_id) WHERE state = 'waiting';
CREATE INDEX dispatches_leased ON dispatches (day, channel, lease_until) WHERE state = 'leased';
CREATE INDEX dispatches_plan ON dispatches (plan_id); -- without the state: it is not to be written at every change of it
CREATE INDEX dispatches_customer ON dispatches (customer_id, day) WHERE state = 'sent'; -- asked for at every lease
CREATE INDEX dispatches_sent_at ON dispatches (ended_at) WHERE state = 'sent';

-- First answers to writes, by who asked and the key he chose.
CREATE TABLE answers (
    scope          TEXT COLLATE "C"    NOT NULL,
    key            TEXT COLLATE "C"    NOT NULL CHECK (key <> ''),
    request_sha256 TEXT    NOT NULL CHECK (length(request_sha256) = 64),
    status         BIGINT  NOT NULL,
    content_type   TEXT    NOT NULL,
    body           BYTEA   NOT NULL,
    at             BIGINT  NOT NULL,
    PRIMARY KEY (scope, key)
);
CREATE INDEX answers_at ON answers (at);

CREATE FUNCTION ledger_immutable() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'ledger: % rows are immutable', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$;

CREATE TRIGGER audit_update BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION ledger_immutable();
CREATE TRIGGER audit_truncate BEFORE TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION ledger_immutable();
CREATE TRIGGER audit_head_delete BEFORE INSERT OR DELETE ON audit_head FOR EACH ROW EXECUTE FUNCTION ledger_immutable();
CREATE TRIGGER audit_head_truncate BEFORE TRUNCATE ON audit_head FOR EACH STATEMENT EXECUTE FUNCTION ledger_immutable();
CREATE TRIGGER wallets_update BEFORE UPDATE OR DELETE ON wallets FOR EACH ROW EXECUTE FUNCTION ledger_immutable();
CREATE TRIGGER wallets_truncate BEFORE TRUNCATE ON wallets FOR EACH STATEMENT EXECUTE FUNCTION ledger_immutable();
CREATE TRIGGER plans_delete BEFORE DELETE ON plans FOR EACH ROW EXECUTE FUNCTION ledger_immutable();
CREATE TRIGGER plans_truncate BEFORE TRUNCATE ON plans FOR EACH STATEMENT EXECUTE FUNCTION ledger_immutable();
CREATE TRIGGER actions_update BEFORE UPDATE OR DELETE ON actions FOR EACH ROW EXECUTE FUNCTION ledger_immutable();
CREATE TRIGGER actions_truncate BEFORE TRUNCATE ON actions FOR EACH STATEMENT EXECUTE FUNCTION ledger_immutable();
CREATE TRIGGER approvals_update BEFORE UPDATE OR DELETE ON approvals FOR EACH ROW EXECUTE FUNCTION ledger_immutable();
CREATE TRIGGER approvals_truncate BEFORE TRUNCATE ON approvals FOR EACH STATEMENT EXECUTE FUNCTION ledger_immutable();
CREATE TRIGGER entries_update BEFORE UPDATE OR DELETE ON entries FOR EACH ROW EXECUTE FUNCTION ledger_immutable();
CREATE TRIGGER entries_truncate BEFORE TRUNCATE ON entries FOR EACH STATEMENT EXECUTE FUNCTION ledger_immutable();
CREATE TRIGGER leases_update BEFORE UPDATE OR DELETE ON leases FOR EACH ROW EXECUTE FUNCTION ledger_immutable();
CREATE TRIGGER leases_truncate BEFORE TRUNCATE ON leases FOR EACH STATEMENT EXECUTE FUNCTION ledger_immutable();
CREATE TRIGGER dispatches_delete BEFORE DELETE ON dispatches FOR EACH ROW EXECUTE FUNCTION ledger_immutable();
CREATE TRIGGER dispatches_truncate BEFORE TRUNCATE ON dispatches FOR EACH STATEMENT EXECUTE FUNCTION ledger_immutable();
CREATE TRIGGER answers_update BEFORE UPDATE ON answers FOR EACH ROW EXECUTE FUNCTION ledger_immutable();

CREATE FUNCTION audit_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Moving the head first makes a second writer wait and then fail.
    UPDATE audit_head SET seq = NEW.seq, sha256 = NEW.sha256 WHERE seq = NEW.seq - 1 AND sha256 = NEW.prev;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'ledger: audit row out of order' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER audit_insert BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION audit_insert();

CREATE FUNCTION audit_head_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- At the end of the statement: the row is there, or the head was moved by hand.
    IF NOT EXISTS (SELECT 1 FROM audit WHERE seq = NEW.seq AND sha256 = NEW.sha256 AND prev = OLD.sha256) THEN
        RAISE EXCEPTION 'ledger: the head follows the chain' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER audit_head_update AFTER UPDATE ON audit_head DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION audit_head_update();

CREATE FUNCTION plans_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state <> 'draft' THEN
        RAISE EXCEPTION 'ledger: a plan begins as a draft' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER plans_insert BEFORE INSERT ON plans FOR EACH ROW EXECUTE FUNCTION plans_insert();

CREATE FUNCTION actions_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM plans WHERE plan_id = NEW.plan_id AND state = 'draft') THEN
        RAISE EXCEPTION 'ledger: actions are added to a draft only' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER actions_insert BEFORE INSERT ON actions FOR EACH ROW EXECUTE FUNCTION actions_insert();

CREATE FUNCTION approvals_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM plans WHERE plan_id = NEW.plan_id AND maker = NEW.maker AND sha256 = NEW.sha256 AND state = 'submitted') THEN
        RAISE EXCEPTION 'ledger: an approval names a submitted plan, its maker and its hash' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NOT EXISTS (SELECT 1 FROM audit WHERE seq = NEW.audit_seq AND sha256 = NEW.audit_sha256) THEN
        RAISE EXCEPTION 'ledger: an approval names its audit row' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER approvals_insert BEFORE INSERT ON approvals FOR EACH ROW EXECUTE FUNCTION approvals_insert();

CREATE FUNCTION plans_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.plan_id, NEW.maker, NEW.sha256, NEW.file_sha256, NEW.as_of, NEW.parent, NEW.part, NEW.actions, NEW.cost_cents, NEW.value_cents, NEW.ends_at, NEW.created_at, NEW.audit_seq)
        IS DISTINCT FROM (OLD.plan_id, OLD.maker, OLD.sha256, OLD.file_sha256, OLD.as_of, OLD.parent, OLD.part, OLD.actions, OLD.cost_cents, OLD.value_cents, OLD.ends_at, OLD.created_at, OLD.audit_seq) THEN
        RAISE EXCEPTION 'ledger: of a plan only the state changes' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF OLD.state || ' ' || NEW.state NOT IN ('draft submitted', 'draft superseded', 'draft expired',
        'submitted approved', 'submitted rejected', 'submitted superseded', 'submitted expired',
        'approved dispatching', 'approved closed', 'approved superseded', 'approved expired',
        'dispatching closed', 'dispatching superseded', 'dispatching expired') THEN
        RAISE EXCEPTION 'ledger: no way from this state of a plan to that one' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.state = 'approved' AND NOT EXISTS (SELECT 1 FROM approvals WHERE plan_id = NEW.plan_id) THEN
        RAISE EXCEPTION 'ledger: no approval of this plan' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.state = 'submitted' THEN
        IF (SELECT count(*) FROM actions WHERE plan_id = NEW.plan_id) <> NEW.actions THEN
            RAISE EXCEPTION 'ledger: the plan has not all its actions' USING ERRCODE = 'integrity_constraint_violation';
        END IF;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER plans_update BEFORE UPDATE ON plans FOR EACH ROW EXECUTE FUNCTION plans_update();

CREATE FUNCTION leases_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.fence <> (SELECT coalesce(max(fence), 0) + 1 FROM leases) THEN
        RAISE EXCEPTION 'ledger: fences count up by one' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER leases_insert BEFORE INSERT ON leases FOR EACH ROW EXECUTE FUNCTION leases_insert();

CREATE FUNCTION dispatches_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state <> 'waiting' OR NEW.fence <> 0 THEN
        RAISE EXCEPTION 'ledger: an approved action begins waiting' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NOT EXISTS (SELECT 1 FROM approvals p JOIN actions a ON a.plan_id = p.plan_id
        WHERE p.plan_id = NEW.plan_id AND a.action_id = NEW.action_id AND a.day = NEW.day AND a.channel = NEW.channel AND a.customer_id = NEW.customer_id
        AND a.window_start = NEW.window_start AND a.window_end = NEW.window_end) THEN
        RAISE EXCEPTION 'ledger: nothing is dispatched that was not approved' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NOT EXISTS (SELECT 1 FROM entries WHERE entry_id = NEW.reserve_id AND number IS NULL AND kind = 'reserve' AND plan_id = NEW.plan_id AND wallet_id = NEW.wallet_id) THEN
        RAISE EXCEPTION 'ledger: an approved action has money reserved' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER dispatches_insert BEFORE INSERT ON dispatches FOR EACH ROW EXECUTE FUNCTION dispatches_insert();

CREATE FUNCTION dispatches_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state NOT IN ('waiting', 'leased') THEN
        RAISE EXCEPTION 'ledger: the action has ended' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF (NEW.number, NEW.action_id, NEW.plan_id, NEW.wallet_id, NEW.reserve_id, NEW.amount, NEW.customer_id, NEW.day, NEW.channel, NEW.window_start, NEW.window_end, NEW.value_cents)
        IS DISTINCT FROM (OLD.number, OLD.action_id, OLD.plan_id, OLD.wallet_id, OLD.reserve_id, OLD.amount, OLD.customer_id, OLD.day, OLD.channel, OLD.window_start, OLD.window_end, OLD.value_cents) THEN
        RAISE EXCEPTION 'ledger: an action keeps what was approved' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.fence < OLD.fence THEN
        RAISE EXCEPTION 'ledger: a fence never goes back' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.fence > OLD.fence THEN
        IF NOT EXISTS (SELECT 1 FROM leases l WHERE l.fence = NEW.fence AND (OLD.state = 'waiting' OR l.at >= OLD.lease_until)) THEN
            RAISE EXCEPTION 'ledger: a lease is taken over once it has lapsed' USING ERRCODE = 'integrity_constraint_violation';
        END IF;
    END IF;
    IF OLD.state = 'waiting' AND NEW.state = 'leased' AND NEW.fence = OLD.fence THEN
        RAISE EXCEPTION 'ledger: an action that waits needs a new lease' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.state NOT IN ('waiting', 'leased') THEN
        IF (NEW.state = 'sent') <> EXISTS (SELECT 1 FROM entries WHERE number = NEW.number AND kind = 'post')
            OR NEW.amount IS DISTINCT FROM (SELECT sum(amount) FROM entries WHERE number = NEW.number AND kind IN ('post', 'release')) THEN
            RAISE EXCEPTION 'ledger: what is sent is posted, what is not is released, to the last cent' USING ERRCODE = 'integrity_constraint_violation';
        END IF;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER dispatches_update BEFORE UPDATE ON dispatches FOR EACH ROW EXECUTE FUNCTION dispatches_update();

CREATE FUNCTION entries_insert() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    p record;
    d dispatches%ROWTYPE;
BEGIN
    IF EXISTS (SELECT 1 FROM entries WHERE wallet_id = NEW.wallet_id AND seq >= NEW.seq) THEN
        RAISE EXCEPTION 'ledger: the entry exists' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    SELECT funding, available, reserved, spent INTO p FROM entries WHERE wallet_id = NEW.wallet_id AND seq = NEW.seq - 1;
    IF NOT FOUND AND NEW.seq <> 1
        OR NEW.funding <> coalesce(p.funding, 0) + NEW.amount * (NEW.credit = 'funding')::int
        OR NEW.available <> coalesce(p.available, 0) + NEW.amount * ((NEW.debit = 'available')::int - (NEW.credit = 'available')::int)
        OR NEW.reserved <> coalesce(p.reserved, 0) + NEW.amount * ((NEW.debit = 'reserved')::int - (NEW.credit = 'reserved')::int)
        OR NEW.spent <> coalesce(p.spent, 0) + NEW.amount * ((NEW.debit = 'spent')::int - (NEW.credit = 'spent')::int) THEN
        RAISE EXCEPTION 'ledger: balances do not follow from the entry before' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.kind = 'reserve' THEN
        IF NEW.left_after <> NEW.amount THEN
            RAISE EXCEPTION 'ledger: a reserve begins with its whole amount' USING ERRCODE = 'integrity_constraint_violation';
        END IF;
    ELSIF NEW.kind IN ('post', 'release') THEN
        IF NEW.left_after IS DISTINCT FROM (SELECT left_after - NEW.amount FROM entries
            WHERE reserve_id = NEW.reserve_id AND wallet_id = NEW.wallet_id AND plan_id = NEW.plan_id ORDER BY seq DESC LIMIT 1) THEN
            RAISE EXCEPTION 'ledger: more than is left of the reserve' USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        SELECT * INTO d FROM dispatches WHERE number = NEW.number AND action_id = NEW.action_id AND reserve_id = NEW.reserve_id AND plan_id = NEW.plan_id AND state IN ('waiting', 'leased');
        IF NOT FOUND OR NEW.amount + coalesce((SELECT sum(e.amount) FROM entries e WHERE e.number = NEW.number AND e.kind IN ('post', 'release')), 0) > d.amount THEN
            RAISE EXCEPTION 'ledger: more than was reserved for the action, or the action has ended' USING ERRCODE = 'integrity_constraint_violation';
        END IF;
    ELSIF NEW.kind = 'refund' THEN
        IF NOT EXISTS (SELECT 1 FROM entries q WHERE q.number = NEW.refund_number AND q.kind = 'post' AND q.entry_id = NEW.refund_of AND q.wallet_id = NEW.wallet_id
            AND NEW.amount + coalesce((SELECT sum(r.amount) FROM entries r WHERE r.refund_number = NEW.refund_number), 0) <= q.amount) THEN
            RAISE EXCEPTION 'ledger: more than was posted' USING ERRCODE = 'integrity_constraint_violation';
        END IF;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER entries_insert BEFORE INSERT ON entries FOR EACH ROW EXECUTE FUNCTION entries_insert();

-- What was reported from outside: what became of touches, payments, opt-outs.
CREATE TABLE events (
    seq         BIGINT NOT NULL PRIMARY KEY CHECK (seq > 0), -- in the order in which they came
    event_id    TEXT    NOT NULL UNIQUE CHECK (event_id <> ''),
    kind        TEXT    NOT NULL,
    customer_id TEXT    NOT NULL CHECK (customer_id <> ''),
    received_at BIGINT NOT NULL,
    body        TEXT    NOT NULL, -- the event, as JSON
    audit_seq   BIGINT NOT NULL REFERENCES audit (seq)
);
CREATE INDEX events_customer ON events (customer_id); -- asked for at every lease
CREATE INDEX events_received ON events (received_at);
CREATE TRIGGER events_update BEFORE UPDATE OR DELETE ON events FOR EACH ROW EXECUTE FUNCTION ledger_immutable();
CREATE TRIGGER events_truncate BEFORE TRUNCATE ON events FOR EACH STATEMENT EXECUTE FUNCTION ledger_immutable();
