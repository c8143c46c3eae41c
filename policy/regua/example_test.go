package regua_test

import (
	"fmt"
	"testing"

	"dunning/policy/regua"
)

func ExampleParse() {
	_, err := regua.Parse([]byte(`regua: vip
title: Clientes especiais
audience: segmnt == "gold" && pay_prob < 1
steps:
  - {id: d2, offset: 2, channels: [whatsapp, email]}
`))
	fmt.Println(err)
	// Output:
	// regua vip: bad input: line 3, column 11: undeclared reference to 'segmnt'; did you mean segment?
	// line 3, column 40: found no matching overload for '_<_' applied to '(double, int)'; write the whole number with a point: 1.0
}

// FuzzParse: no file makes the reader panic or hang, and what it accepts can be
// asked about a customer.
func FuzzParse(f *testing.F) {
	for _, name := range regua.Library() {
		b, err := regua.FromLibrary(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte("a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"))
	f.Add([]byte("regua: t\nsteps: [{id: a, offset: 1e9, channels: [sms]}]"))
	f.Add([]byte("audience: {a: 1}"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := regua.Parse(b)
		if (r == nil) == (err == nil) {
			t.Fatalf("%q: %v and %v", b, r, err)
		}
		if err != nil {
			return
		}
		if _, err := r.Audience.Match(&regua.Row{}); err != nil && r.Audience.Text == "" {
			t.Fatalf("%q: an empty audience fails: %v", b, err)
		}
		w := newWorld()
		w.invoice("i1", -9)
		w.text = string(b)
		state := regua.NewState(&w.in, w.asOf, nil)
		engine := &office{customer: w.in.Customer}
		_, w.engine = newWorld().made(t)
		engine.engine = w.engine
		r.Follow(state, 31, engine)
	})
}
