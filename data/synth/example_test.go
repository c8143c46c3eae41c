package synth_test

import (
	"context"
	"fmt"
	"os"

	"dunning/data"
	"dunning/data/synth"
)

func ExampleGenerate() {
	c := synth.DefaultConfig()
	c.Customers = 50
	p, err := synth.Generate(context.Background(), c)
	if err != nil {
		fmt.Println(err)
		return
	}
	d := p.Truth.Decisions[0]
	fmt.Println(d.TouchID == p.Sources.Touches[0].TouchID, d.Organic(7) < d.Organic(14))
	// Output: true true
}

func ExampleWrite() {
	home, err := os.MkdirTemp("", "synth")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(home)
	c := synth.DefaultConfig()
	c.Customers, c.Months, c.Truth = 20, 6, false
	report, err := synth.Write(context.Background(), c, home, synth.CSV, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(report.Sources), report.Sources[0].Name, report.Sources[0].Rows)
	fmt.Println("a call costs", synth.ChannelCostCents[data.Voice.Index()].BRL())
	// Output:
	// 8 sources/customers.csv 20
	// a call costs R$ 0,60
}
