package pipeline_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"dunning/data"
	"dunning/pipeline"
)

// A run of the first stage over sources of three tables, one row of which is
// at fault.
func ExampleRun() {
	home, err := os.MkdirTemp("", "example")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(home)
	for name, text := range map[string]string{
		"customers.csv": "customer_id,kind,uf\nC1,PF,SP\nC2,PJ,RJ\n",
		"invoices.csv":  "invoice_id,customer_id,issued_on,due_on,amount_cents\nI1,C1,2025-01-02,2025-02-01,15000\nI2,C2,2025-01-02,2025-02-01,99000\n",
		"payments.csv":  "payment_id,invoice_id,customer_id,paid_at,amount_cents\nP1,I1,C1,2025-02-03T14:00:00-03:00,15000\nP2,I2,C2,2025-02-30,99000\n",
		"dunning.yaml": `
quarantine: {max_share: 0.5}
sources:
  customers: {query: "FROM read_csv('customers.csv', all_varchar = true)"}
  invoices: {query: "FROM read_csv('invoices.csv', all_varchar = true)"}
  payments: {query: "FROM read_csv('payments.csv', all_varchar = true)"}
`} {
		if err := os.WriteFile(filepath.Join(home, name), []byte(text), 0o644); err != nil {
			panic(err)
		}
	}
	config, err := pipeline.LoadConfig(home)
	if err != nil {
		panic(err)
	}
	stages := []pipeline.Stage{pipeline.ExtractStage()}
	for range 2 { // the second time nothing has changed
		result, err := pipeline.Run(context.Background(), home, config, stages, pipeline.RunOptions{})
		if err != nil {
			panic(err)
		}
		fmt.Println(result.Stages[0].Stage, result.Stages[0].Status)
	}
	out, err := pipeline.OpenOutput(filepath.Join(home, "lake", "extract", "current"))
	if err != nil {
		panic(err)
	}
	for _, c := range pipeline.ExtractCounts(out.Manifest)[:3] {
		fmt.Printf("%s: %d in, %d accepted, %d quarantined\n", c.Table, c.In, c.Accepted, c.Quarantined)
	}
	rows, err := data.Read[pipeline.QuarantineRow](out.Path(pipeline.QuarantineName))
	if err != nil {
		panic(err)
	}
	fmt.Println(rows[0].Table, "row", rows[0].SourceRow, rows[0].Rule+":", rows[0].Message)
	// Output:
	// extract done
	// extract unchanged
	// customers: 2 in, 2 accepted, 0 quarantined
	// invoices: 2 in, 2 accepted, 0 quarantined
	// payments: 2 in, 1 accepted, 1 quarantined
	// payments row 2 bad_date: paid_at: "2025-02-30" is not an instant like 2026-01-31T10:00:00Z, from 1900 to 2199
}

// Every fault of a configuration is told at once.
func ExampleParseConfig() {
	_, err := pipeline.ParseConfig([]byte("budget_cent: 100\nseed: 3\n"), nil)
	fmt.Println(err)
	_, err = pipeline.ParseConfig([]byte("budget_cents: -1\nvalue: median\n"), []string{"DUNNING_TRAIN__DEPTH=40"})
	fmt.Println(err)
	// Output:
	// usage: budget_cent: unknown key; did you mean "budget_cents"?
	// usage: budget_cents: -1 is below 0; value: "median" is neither mean nor lower; train.depth: 40 is not within 1 to 12
}
