package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"dunning/data"
)

// Fault is something that cannot be unless somebody changed the database by
// another way, or the disk did.
type Fault struct {
	Place string `json:"place"` // such as "audit row 12" or "entry post/A1"
	Text  string `json:"text"`
}

// Report is what Verify found.
type Report struct {
	Head    Head    `json:"head"` // of the audit chain, as far as it holds
	Rows    int64   `json:"rows"` // of the audit
	Entries int64   `json:"entries"`
	Plans   int64   `json:"plans"`   // approved ones whose hash was computed anew
	Actions int64   `json:"actions"` // approved ones
	Faults  []Fault `json:"faults"`  // the first ones
}

// maxFaults bounds the faults that a report names.
const maxFaults = 100

// Err returns nil for a report without faults, otherwise an error that wraps
// data.ErrDamagedFile and names the first one.
func (r Report) Err() error {
	if len(r.Faults) == 0 {
		return nil
	}
	return fmt.Errorf("ledger: %w: %s: %s (%d faults)", data.ErrDamagedFile, r.Faults[0].Place, r.Faults[0].Text, len(r.Faults))
}

func (r *Report) fault(place, format string, args ...any) {
	if len(r.Faults) < maxFaults {
		r.Faults = append(r.Faults, Fault{place, fmt.Sprintf(format, args...)})
	}
}

// Verify recomputes everything from the rows of one snapshot: the audit chain,
// the heads that approvals and the caller kept of it ([ReadHeads]), the balances
// and remainders of all entries and their hashes in the audit, the hash of each
// approved plan, and that each action is settled as its state says. The error
// is for what could not be read; what is wrong is in the report.
func (s *Store) Verify(ctx context.Context, heads ...Head) (Report, error) {
	v := verifier{digests: map[int64]string{}, kept: map[int64]string{}}
	for _, h := range heads {
		v.keep(h, "an exported head")
	}
	err := s.read(ctx, func(t transaction) error {
		return v.all(t)
	})
	return v.Report, err
}

type verifier struct {
	Report
	digests map[int64]string // of the entries of an audit row
	kept    map[int64]string // hashes that somebody kept of audit rows
	// reported are the hashes of the events of an audit row.
	reported map[int64]string
}

func (v *verifier) all(t transaction) error {
	for _, step := range []func(transaction) error{v.entries, v.events, v.heads, v.audit, v.plans, v.dispatches} {
		if err := step(t); err != nil {
			return fmt.Errorf("ledger: verify: %w", err)
		}
	}
	return nil
}

func (v *verifier) keep(h Head, who string) {
	if before, ok := v.kept[h.Seq]; ok && before != h.SHA256 {
		v.fault(fmt.Sprintf("audit row %d", h.Seq), "%s disagrees with another one", who)
	}
	v.kept[h.Seq] = h.SHA256
}

// entries walks each wallet's entries in order.
func (v *verifier) entries(t transaction) error {
	ends := map[string]*walletEnd{}
	left := map[string]Units{}
	refunds := map[string]Units{} // what may still be refunded of a post
	err := t.query(`SELECT `+entryColumns+` FROM entries ORDER BY wallet_id, seq`, nil, func(row scanner) error {
		e, err := scanEntry(row)
		if err != nil {
			return err
		}
		v.Entries++
		place := "entry " + e.ID
		w := ends[e.WalletID]
		if w == nil {
			w = &walletEnd{}
			ends[e.WalletID] = w
		}
		w.seq++
		m, known := moves[e.Kind]
		if !known || e.Status != m.status || e.Debit != m.debit || e.Credit != m.credit || e.Amount < 0 {
			v.fault(place, "no entry is of this kind")
		}
		if e.Seq != w.seq {
			v.fault(place, "has number %d in wallet %s, want %d", e.Seq, e.WalletID, w.seq)
			w.seq = e.Seq
		}
		if err := w.apply(e.Kind, e.Amount); err != nil || w.Balances != e.After {
			v.fault(place, "balances %+v do not follow, want %+v", e.After, w.Balances)
			w.Balances = e.After
		}
		v.remainders(place, e, left, refunds)
		return nil
	})
	if err != nil {
		return err
	}
	return v.digest(t)
}

// digest hashes the entries of each audit row.
func (v *verifier) digest(t transaction) error {
	var batch []Entry
	flush := func() (err error) {
		if len(batch) > 0 {
			v.digests[batch[0].AuditSeq], err = digest(batch)
			batch = batch[:0]
		}
		return err
	}
	err := t.query(`SELECT `+entryColumns+` FROM entries ORDER BY audit_seq`, nil, func(row scanner) error {
		e, err := scanEntry(row)
		if err == nil && len(batch) > 0 && batch[0].AuditSeq != e.AuditSeq {
			err = flush()
		}
		batch = append(batch, e)
		return err
	})
	return errors.Join(err, flush())
}

func (v *verifier) remainders(place string, e Entry, left, refunds map[string]Units) {
	switch e.Kind {
	case KindReserve:
		left[e.ID] = e.Amount
	case KindPost, KindRelease:
		left[e.ReserveID] -= e.Amount
		if e.Kind == KindPost {
			refunds[e.ID] = e.Amount
		}
	case KindRefund:
		if refunds[e.RefundOf] -= e.Amount; refunds[e.RefundOf] < 0 {
			v.fault(place, "more is refunded than was posted")
		}
		return
	default:
		return
	}
	if e.LeftAfter == nil || *e.LeftAfter != left[e.ReserveID] || *e.LeftAfter < 0 {
		v.fault(place, "what is left of %s does not follow, want %d", e.ReserveID, left[e.ReserveID])
		if e.LeftAfter != nil {
			left[e.ReserveID] = *e.LeftAfter
		}
	}
}

// heads collects the heads that approvals kept.
func (v *verifier) heads(t transaction) error {
	return t.query(`SELECT plan_id, audit_seq, audit_sha256 FROM approvals ORDER BY plan_id`, nil, func(row scanner) error {
		var id string
		var h Head
		err := row.Scan(&id, &h.Seq, &h.SHA256)
		v.keep(h, "the approval of "+id)
		return err
	})
}

// audit walks the chain.
func (v *verifier) audit(t transaction) error {
	v.Head = Head{0, emptyChain}
	err := t.query(`SELECT `+auditColumns+` FROM audit ORDER BY seq`, nil, func(row scanner) error {
		r, err := scanAudit(row)
		if err != nil {
			return err
		}
		v.Rows++
		place := fmt.Sprintf("audit row %d", r.Seq)
		if r.Seq != v.Head.Seq+1 {
			v.fault(place, "follows row %d: rows are missing or were reordered", v.Head.Seq)
		}
		if r.Prev != v.Head.SHA256 {
			v.fault(place, "does not continue the row before it")
		}
		want, err := r.hash()
		if err != nil {
			return err
		}
		if r.SHA256 != want {
			v.fault(place, "was edited: its hash is another")
		}
		v.Head = Head{r.Seq, r.SHA256}
		v.covered(place, r)
		return nil
	})
	if err != nil {
		return err
	}
	for seq := range v.digests {
		v.fault(fmt.Sprintf("audit row %d", seq), "is missing, though entries name it")
	}
	for seq := range v.reported {
		v.fault(fmt.Sprintf("audit row %d", seq), "is missing, though events name it")
	}
	for seq := range v.kept {
		v.fault(fmt.Sprintf("audit row %d", seq), "is missing, though its hash was kept: the chain was cut short")
	}
	var end Head
	if err := one(t, `SELECT seq, sha256 FROM audit_head`, nil, &end.Seq, &end.SHA256); err != nil {
		return err
	}
	if end != v.Head {
		v.fault(fmt.Sprintf("audit row %d", end.Seq), "should be the last one; the chain ends at %d", v.Head.Seq)
	}
	return nil
}

// covered compares a row with what others say of it, and crosses that off.
func (v *verifier) covered(place string, r AuditRow) {
	var body struct {
		Entries string `json:"entries_sha256"`
		Events  string `json:"events_sha256"`
	}
	if err := json.Unmarshal([]byte(r.Body), &body); err != nil {
		v.fault(place, "its body is no JSON")
	}
	if body.Entries != v.digests[r.Seq] {
		v.fault(place, "the entries that it covers were edited, added or removed")
	}
	delete(v.digests, r.Seq)
	if body.Events != v.reported[r.Seq] {
		v.fault(place, "the events that it covers were edited, added or removed")
	}
	delete(v.reported, r.Seq)
	if kept, ok := v.kept[r.Seq]; ok && kept != r.SHA256 {
		v.fault(place, "is not the row whose hash was kept: the chain was rewritten")
	}
	delete(v.kept, r.Seq)
}

// plans computes the hash of each approved plan anew.
func (v *verifier) plans(t transaction) error {
	type approved struct {
		Plan
		sum, maker, approver string
	}
	found, err := all(t, `SELECT p.plan_id, p.maker, p.sha256, p.file_sha256, p.as_of, p.state, a.sha256, a.maker, a.approver FROM approvals a JOIN plans p ON p.plan_id = a.plan_id ORDER BY p.plan_id`, nil,
		func(row scanner) (approved, error) {
			var p approved
			var asOf string
			err := row.Scan(&p.ID, &p.Maker, &p.SHA256, &p.FileSHA256, &asOf, &p.State, &p.sum, &p.maker, &p.approver)
			if err != nil {
				return p, err
			}
			p.AsOf, err = data.ParseDate(asOf)
			return p, err
		})
	if err != nil {
		return err
	}
	for _, p := range found {
		v.Plans++
		place := "plan " + p.ID
		sum, err := hashStored(t, p.Plan)
		if err != nil {
			return err
		}
		if sum != p.SHA256 || p.sum != p.SHA256 {
			v.fault(place, "its actions are not those that were approved")
		}
		if p.maker != p.Maker || sameActor(p.approver, p.Maker) {
			v.fault(place, "its maker approved it")
		}
	}
	return t.query(`SELECT plan_id, state FROM plans WHERE state IN ('approved', 'dispatching', 'closed') AND plan_id NOT IN (SELECT plan_id FROM approvals) ORDER BY plan_id`, nil, func(row scanner) error {
		var id, state string
		err := row.Scan(&id, &state)
		v.fault("plan "+id, "is %s and was never approved", state)
		return err
	})
}

// dispatches compares the state of each approved action with its entries, what
// is left of each reserve with the actions that are open, and approved actions
// with those of their plan.
func (v *verifier) dispatches(t transaction) error {
	if err := one(t, `SELECT count(*) FROM dispatches`, nil, &v.Actions); err != nil {
		return err
	}
	for _, check := range []struct{ query, text string }{
		{`SELECT d.action_id FROM dispatches d LEFT JOIN (SELECT number, sum(amount) AS settled, count(CASE WHEN kind = 'post' THEN 1 END) AS posts FROM entries WHERE number IS NOT NULL GROUP BY number) e ON e.number = d.number
			WHERE CASE WHEN d.state IN ('waiting', 'leased') THEN e.settled IS NOT NULL
				ELSE e.settled IS NULL OR e.settled <> d.amount OR e.posts <> CASE WHEN d.state = 'sent' THEN 1 ELSE 0 END END ORDER BY d.action_id`,
			"its entries are not those of its state"},
		{`SELECT r.entry_id FROM entries r WHERE r.kind = 'reserve'
			AND (SELECT l.left_after FROM entries l WHERE l.reserve_id = r.entry_id ORDER BY l.seq DESC LIMIT 1)
				<> (SELECT coalesce(sum(d.amount), 0) FROM dispatches d WHERE d.reserve_id = r.entry_id AND d.state IN ('waiting', 'leased')) ORDER BY r.entry_id`,
			"what is left of it is not what open actions need"},
		{`SELECT d.action_id FROM dispatches d LEFT JOIN actions a ON a.plan_id = d.plan_id AND a.action_id = d.action_id
			WHERE a.action_id IS NULL OR a.channel <> d.channel OR a.day <> d.day OR a.customer_id <> d.customer_id OR a.window_start <> d.window_start OR a.window_end <> d.window_end ORDER BY d.action_id`,
			"is not the action that was approved"},
		{`SELECT p.plan_id FROM plans p JOIN approvals a ON a.plan_id = p.plan_id WHERE p.actions <> (SELECT count(*) FROM dispatches d WHERE d.plan_id = p.plan_id) ORDER BY p.plan_id`,
			"has lost actions"},
	} {
		err := t.query(check.query, nil, func(row scanner) error {
			id, err := scanString(row)
			v.fault(id, "%s", check.text)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
