package serve

import (
	"cmp"
	"context"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"dunning/serve/ledger"
)

// writeErrors are the codes that every write to the ledger can give.
var writeErrors = []Code{CodeInvalid, CodeConflict, CodeTooLarge, CodeMediaType, CodeTimeout}

func (s *Server) walletRoutes() {
	readers := []Role{Manager, Approver, Auditor}
	writers := []Role{Manager, Admin}
	tags := []string{"wallets"}
	register(s, route{roles: writers, errors: writeErrors, Operation: huma.Operation{
		OperationID: "wallet-create", Method: http.MethodPost, Path: "/v1/wallets", Tags: tags,
		Summary: "Make an empty wallet", Description: "Of money (BRL, in cents) or of credits of one channel (credits:sms, …; one credit pays one touch)."}}, s.walletCreate)
	register(s, route{roles: readers, Operation: huma.Operation{
		OperationID: "wallets", Method: http.MethodGet, Path: "/v1/wallets", Tags: tags, Summary: "All wallets with their balances"}}, s.wallets)
	register(s, route{roles: readers, errors: []Code{CodeInvalid, CodeNotFound}, Operation: huma.Operation{
		OperationID: "wallet", Method: http.MethodGet, Path: "/v1/wallets/{wallet_id}", Tags: tags, Summary: "One wallet with its balances"}}, s.wallet)
	register(s, route{roles: readers, errors: []Code{CodeInvalid, CodeNotFound}, Operation: huma.Operation{
		OperationID: "wallet-statement", Method: http.MethodGet, Path: "/v1/wallets/{wallet_id}/entries", Tags: tags,
		Summary: "The statement: entries in order, each with the balances after it"}}, s.walletStatement)
	register(s, route{roles: writers, errors: append([]Code{CodeNotFound}, writeErrors...), Operation: huma.Operation{
		OperationID: "wallet-top-up", Method: http.MethodPost, Path: "/v1/wallets/{wallet_id}/top-ups", Tags: tags,
		Summary: "Put bought credits or money into a wallet"}}, s.walletTopUp)
	register(s, route{roles: writers, errors: append([]Code{CodeNotFound, CodeInsufficient}, writeErrors...), Operation: huma.Operation{
		OperationID: "wallet-refund", Method: http.MethodPost, Path: "/v1/wallets/{wallet_id}/refunds", Tags: tags,
		Summary: "Make what an action spent available again, in whole or part"}}, s.walletRefund)
}

// NewWallet is the body that makes a wallet.
type NewWallet struct {
	WalletID string          `json:"wallet_id" minLength:"1" maxLength:"200" pattern:"^[^\\s/]+$" example:"main" doc:"Chosen by the caller; without spaces and slashes."`
	Currency ledger.Currency `json:"currency" enum:"BRL,credits:email,credits:sms,credits:whatsapp,credits:voice,credits:letter"`
	Name     string          `json:"name" minLength:"1" maxLength:"500" doc:"For people."`
}

func (s *Server) walletCreate(ctx context.Context, in *Write[NewWallet]) (*written[ledger.Wallet], error) {
	return once(ctx, s, in.IdempotencyKey, in.RawBody, func(ctx context.Context) (ledger.Wallet, error) {
		return s.ledger.CreateWallet(ctx, ledger.WalletRequest{ID: in.Body.WalletID, Currency: in.Body.Currency, Name: in.Body.Name, Actor: actor(ctx)})
	})
}

// Wallets is the list of all wallets.
type Wallets struct {
	Wallets []ledger.Wallet `json:"wallets"`
}

func (s *Server) wallets(ctx context.Context, _ *none) (*body[Wallets], error) {
	list, err := s.ledger.Wallets(ctx)
	return &body[Wallets]{Wallets{list}}, err
}

// WalletPath is the input that names a wallet.
type WalletPath struct {
	WalletID string `path:"wallet_id" maxLength:"200" example:"main"`
}

func (s *Server) wallet(ctx context.Context, in *WalletPath) (*body[ledger.Wallet], error) {
	w, err := s.ledger.Wallet(ctx, in.WalletID)
	return &body[ledger.Wallet]{w}, err
}

type statementIn struct {
	WalletPath
	After int64 `query:"after" minimum:"0" default:"0" doc:"seq of the last entry of the page before."`
	Limit int   `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"Entries per page."`
}

// Statement is one page of a wallet's entries.
type Statement struct {
	Wallet  ledger.Wallet  `json:"wallet"`
	Entries []ledger.Entry `json:"entries"`
	Next    *int64         `json:"next_after" doc:"after of the next page; null on the last."`
}

func (s *Server) walletStatement(ctx context.Context, in *statementIn) (*body[Statement], error) {
	w, err := s.ledger.Wallet(ctx, in.WalletID)
	if err != nil {
		return nil, err
	}
	entries, err := s.ledger.Entries(ctx, in.WalletID, in.After, in.Limit)
	if err != nil {
		return nil, err
	}
	out := Statement{Wallet: w, Entries: entries}
	if len(entries) == in.Limit {
		out.Next = &entries[len(entries)-1].Seq
	}
	return &body[Statement]{out}, nil
}

// NewTopUp is the body of a top-up.
type NewTopUp struct {
	EntryID string       `json:"entry_id,omitempty" maxLength:"200" pattern:"^[^\\s/]*$" doc:"Id of the entry, such as the invoice's number; one is made where it is left out."`
	Amount  ledger.Units `json:"amount" minimum:"1" maximum:"1000000000000000" doc:"Cents of a wallet of money, touches of a wallet of credits."`
	Reason  string       `json:"reason" minLength:"1" maxLength:"2000"`
}

type topUpIn struct {
	WalletPath
	Write[NewTopUp]
}

func (s *Server) walletTopUp(ctx context.Context, in *topUpIn) (*written[ledger.Entry], error) {
	return once(ctx, s, in.IdempotencyKey, in.RawBody, func(ctx context.Context) (ledger.Entry, error) {
		return s.ledger.TopUp(ctx, ledger.TopUpRequest{ID: cmp.Or(in.Body.EntryID, madeID(ctx, "top-up", in.IdempotencyKey)),
			WalletID: in.WalletID, Amount: in.Body.Amount, Actor: actor(ctx), Reason: in.Body.Reason})
	})
}

// NewRefund is the body of a refund.
type NewRefund struct {
	EntryID  string       `json:"entry_id,omitempty" maxLength:"200" pattern:"^[^\\s/]*$" doc:"Id of the entry; one is made where it is left out."`
	ActionID string       `json:"action_id" minLength:"1" maxLength:"200" doc:"The action that was sent and posted."`
	Amount   ledger.Units `json:"amount" minimum:"1" maximum:"1000000000000000" doc:"At most what was posted and not refunded yet."`
	Reason   string       `json:"reason" minLength:"1" maxLength:"2000"`
}

type refundIn struct {
	WalletPath
	Write[NewRefund]
}

func (s *Server) walletRefund(ctx context.Context, in *refundIn) (*written[ledger.Entry], error) {
	return once(ctx, s, in.IdempotencyKey, in.RawBody, func(ctx context.Context) (ledger.Entry, error) {
		post := "post/" + in.Body.ActionID
		e, err := s.ledger.Entry(ctx, post)
		if err == nil && e.WalletID != in.WalletID {
			err = fmt.Errorf("wallet %q did not pay for action %q: %w", in.WalletID, in.Body.ActionID, ledger.ErrNotFound)
		}
		if err != nil {
			return ledger.Entry{}, err
		}
		return s.ledger.Refund(ctx, ledger.RefundRequest{ID: cmp.Or(in.Body.EntryID, madeID(ctx, "refund", in.IdempotencyKey)),
			PostID: post, Amount: in.Body.Amount, Actor: actor(ctx), Reason: in.Body.Reason})
	})
}
