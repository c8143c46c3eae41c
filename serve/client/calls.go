package client

import (
	"context"
	"fmt"
	"net/url"
	"strconv"

	"dunning/serve"
	"dunning/serve/ledger"
)

// page is the most rows that the API gives at a time.
const page = 1000

func pageQuery(after int64) url.Values {
	return url.Values{"after": {strconv.FormatInt(after, 10)}, "limit": {strconv.Itoa(page)}}
}

// Wallets returns all wallets with their balances.
func (c *Client) Wallets(ctx context.Context) ([]ledger.Wallet, error) {
	var out serve.Wallets
	err := c.get(ctx, "/v1/wallets", nil, &out)
	return out.Wallets, err
}

// CreateWallet makes an empty wallet.
func (c *Client) CreateWallet(ctx context.Context, key string, w serve.NewWallet) (out ledger.Wallet, err error) {
	return out, c.post(ctx, "/v1/wallets", key, w, &out)
}

// Statement returns a wallet and all its entries.
func (c *Client) Statement(ctx context.Context, walletID string) (w ledger.Wallet, entries []ledger.Entry, err error) {
	entries = []ledger.Entry{}
	for after := int64(0); ; {
		var out serve.Statement
		if err := c.get(ctx, "/v1/wallets/"+url.PathEscape(walletID)+"/entries", pageQuery(after), &out); err != nil {
			return w, nil, err
		}
		w, entries = out.Wallet, append(entries, out.Entries...)
		if out.Next == nil {
			return w, entries, nil
		}
		after = *out.Next
	}
}

// TopUp puts bought credits or money into a wallet.
func (c *Client) TopUp(ctx context.Context, key, walletID string, t serve.NewTopUp) (out ledger.Entry, err error) {
	return out, c.post(ctx, "/v1/wallets/"+url.PathEscape(walletID)+"/top-ups", key, t, &out)
}

// Refund makes what an action spent available again.
func (c *Client) Refund(ctx context.Context, key, walletID string, r serve.NewRefund) (out ledger.Entry, err error) {
	return out, c.post(ctx, "/v1/wallets/"+url.PathEscape(walletID)+"/refunds", key, r, &out)
}

// Plans returns the plans in any of the states, all for none; newest first.
func (c *Client) Plans(ctx context.Context, states ...string) ([]ledger.Plan, error) {
	var out serve.Plans
	err := c.get(ctx, "/v1/plans", url.Values{"state": states}, &out)
	return out.Plans, err
}

func planPath(planID string) string { return "/v1/plans/" + url.PathEscape(planID) }

// Plan returns a plan of the ledger with what became of it.
func (c *Client) Plan(ctx context.Context, planID string) (out serve.ShownPlan, err error) {
	return out, c.get(ctx, planPath(planID), nil, &out)
}

// DiffPlan says what a plan changes against another one; at most limit changed
// actions are listed.
func (c *Client) DiffPlan(ctx context.Context, planID, against string, limit int) (out serve.PlanDiff, err error) {
	return out, c.get(ctx, planPath(planID)+"/diff", url.Values{"against": {against}, "limit": {strconv.Itoa(limit)}}, &out)
}

// PlanActions calls f for each action of a plan: of a day, of latest, or of a
// plan_id. The order is day, channel, action_id.
func (c *Client) PlanActions(ctx context.Context, plan string, f func(serve.PlannedAction) error) error {
	query := url.Values{"limit": {strconv.Itoa(page)}}
	for {
		var out serve.PlanActions
		if err := c.get(ctx, planPath(plan)+"/actions", query, &out); err != nil {
			return err
		}
		for _, a := range out.Actions {
			if err := f(a); err != nil {
				return err
			}
		}
		if out.NextCursor == nil {
			return nil
		}
		query.Set("cursor", *out.NextCursor)
	}
}

// ImportPlan makes a draft of a day's finished plan; asOf is a day or latest.
func (c *Client) ImportPlan(ctx context.Context, key, asOf string) (out ledger.Plan, err error) {
	return out, c.post(ctx, "/v1/plans", key, serve.NewPlan{AsOf: asOf}, &out)
}

// SubmitPlan hands a draft in for approval.
func (c *Client) SubmitPlan(ctx context.Context, key, planID string) (out ledger.Plan, err error) {
	return out, c.post(ctx, planPath(planID)+"/submit", key, nil, &out)
}

// ApprovePlan approves a submitted plan, or a part of it.
func (c *Client) ApprovePlan(ctx context.Context, key, planID string, a serve.NewApproval) (out ledger.Approval, err error) {
	return out, c.post(ctx, planPath(planID)+"/approve", key, a, &out)
}

// RejectPlan turns a submitted plan down.
func (c *Client) RejectPlan(ctx context.Context, key, planID string, r serve.NewRejection) (out ledger.Plan, err error) {
	return out, c.post(ctx, planPath(planID)+"/reject", key, r, &out)
}

// ClosePlan ends a plan in force.
func (c *Client) ClosePlan(ctx context.Context, key, planID, reason string) (out ledger.Plan, err error) {
	return out, c.post(ctx, planPath(planID)+"/close", key, serve.NewClosing{Reason: reason}, &out)
}

// Lease fetches approved actions of a day and channel for this dispatcher.
func (c *Client) Lease(ctx context.Context, key string, l serve.NewLease) (out ledger.Grant, err error) {
	return out, c.post(ctx, "/v1/dispatch/lease", key, l, &out)
}

// Ack says what became of leased actions.
func (c *Client) Ack(ctx context.Context, key string, a serve.NewAck) ([]ledger.Result, error) {
	var out serve.Results
	err := c.post(ctx, "/v1/dispatch/ack", key, a, &out)
	return out.Results, err
}

// Extend makes leases last longer.
func (c *Client) Extend(ctx context.Context, key string, e serve.NewExtension) ([]ledger.Result, error) {
	var out serve.Results
	err := c.post(ctx, "/v1/dispatch/extend", key, e, &out)
	return out.Results, err
}

// Release gives leased actions back unsent.
func (c *Client) Release(ctx context.Context, key string, r serve.NewReturn) ([]ledger.Result, error) {
	var out serve.Results
	err := c.post(ctx, "/v1/dispatch/release", key, r, &out)
	return out.Results, err
}

// AddEvents reports what happened.
func (c *Client) AddEvents(ctx context.Context, key string, events []serve.NewEvent) ([]ledger.EventResult, error) {
	var out serve.EventResults
	err := c.post(ctx, "/v1/events", key, serve.NewEvents{Events: events}, &out)
	return out.Results, err
}

// AuditHead returns the end of the audit chain.
func (c *Client) AuditHead(ctx context.Context) (out ledger.Head, err error) {
	return out, c.get(ctx, "/v1/audit/head", nil, &out)
}

// VerifyAudit lets the server compute everything anew, against the heads too.
// Heads beyond a hundred are sent in further requests, of which the last
// report is returned, or the first with faults.
func (c *Client) VerifyAudit(ctx context.Context, heads ...ledger.Head) (out ledger.Report, err error) {
	for {
		n := min(len(heads), 100) // a URL has to stay short
		query := url.Values{}
		for _, h := range heads[:n] {
			query.Add("head", fmt.Sprintf("%d:%s", h.Seq, h.SHA256))
		}
		out = ledger.Report{}
		if err := c.get(ctx, "/v1/audit/verify", query, &out); err != nil || len(out.Faults) > 0 || n == len(heads) {
			return out, err
		}
		heads = heads[n:]
	}
}

// CustomerScore returns the score of a customer.
func (c *Client) CustomerScore(ctx context.Context, customerID string) (out serve.CustomerScore, err error) {
	return out, c.get(ctx, "/v1/customers/"+url.PathEscape(customerID)+"/score", nil, &out)
}
