package ledger_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"dunning/data"
	"dunning/serve/ledger"
)

// From bought money to a sent message.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "ledger")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	s, err := ledger.Open(ctx, ledger.Config{
		Path:  filepath.Join(dir, "dunning.db"),
		Clock: func() time.Time { return noon },
		// A real one asks the facts of this very moment.
		Recheck: func(_ context.Context, _ time.Time, actions []ledger.Action) ([]ledger.Verdict, error) {
			verdicts := make([]ledger.Verdict, len(actions))
			for i, a := range actions {
				if verdicts[i].Decision = ledger.HandOut; a.CustomerID == "C000001" {
					verdicts[i] = ledger.Verdict{Decision: ledger.Withhold, Reason: "paid"}
				}
			}
			return verdicts, nil
		},
	})
	if err != nil {
		panic(err)
	}
	defer s.Close()
	check := func(err error) {
		if err != nil {
			panic(err)
		}
	}

	_, err = s.CreateWallet(ctx, ledger.WalletRequest{ID: "main", Currency: ledger.BRL, Name: "Orçamento", Actor: "ana"})
	check(err)
	_, err = s.TopUp(ctx, ledger.TopUpRequest{ID: "invoice-881", WalletID: "main", Amount: 100_00, Actor: "ana", Reason: "invoice 881"})
	check(err)

	plan, err := s.CreatePlan(ctx, proposal("2026-03-02-a1b2c3d4", 3)) // by maria
	check(err)
	_, err = s.Submit(ctx, plan.ID, "maria")
	check(err)
	_, err = s.Approve(ctx, ledger.ApproveRequest{PlanID: plan.ID, SHA256: plan.SHA256, Approver: "maria", Reason: "good", WalletID: "main"})
	fmt.Println(err)
	_, err = s.Approve(ctx, ledger.ApproveRequest{PlanID: plan.ID, SHA256: plan.SHA256, Approver: "carla", Reason: "good", WalletID: "main"})
	check(err)

	grant, err := s.Lease(ctx, ledger.LeaseRequest{ID: "d1-0001", Dispatcher: "d1", Day: today, Channel: data.SMS, Max: 100, Duration: 10 * time.Minute})
	check(err)
	fmt.Printf("%d to send, withheld %+v\n", len(grant.Actions), grant.Withheld)
	results, err := s.Ack(ctx, ledger.AckRequest{Dispatcher: "d1", Fence: grant.Fence, Outcomes: []ledger.Outcome{
		{ActionID: grant.Actions[0].ActionID, State: ledger.Sent, ProviderID: "m-1"},
		{ActionID: grant.Actions[1].ActionID, State: ledger.Failed, Detail: "no such number"},
	}})
	check(err)
	fmt.Println(results[0].Status, results[1].Status)

	w, err := s.Wallet(ctx, "main")
	check(err)
	fmt.Printf("%+v\n", w.Balances)
	report, err := s.Verify(ctx)
	check(err)
	fmt.Println(report.Err())
	// Output:
	// ledger: plan 2026-03-02-a1b2c3d4: refused: the approver may not be the plan's maker
	// 2 to send, withheld [{ActionID:2026-03-02-a1b2c3d4-000001 Reason:paid}]
	// accepted accepted
	// {Funding:10000 Available:9991 Reserved:0 Spent:9}
	// <nil>
}
