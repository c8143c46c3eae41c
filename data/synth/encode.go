package synth

import "math/rand/v2"

// finishBlock plants faults into a block and encodes it, in a worker.
func finishBlock(c Config, format Format, b *block) *written {
	w := &written{block: b}
	p := planter{share: c.DirtyShare, format: format}
	if c.DirtyShare > 0 {
		// A stream of its own per block: customers' streams have splitmix64
		// values of small numbers in its place.
		p.rng = rand.New(rand.NewPCG(^c.Seed, uint64(b.index)))
	}
	finishTable(w, &p, 0, &w.Sources.Customers, &customerFaults, (*record).customer)
	finishTable(w, &p, 1, &w.Invoices, &invoiceFaults, (*record).invoice)
	finishTable(w, &p, 2, &w.Payments, &paymentFaults, (*record).payment)
	finishTable(w, &p, 3, &w.Touches, &touchFaults, (*record).touch)
	finishTable(w, &p, 4, &w.TouchEvents, &touchEventFaults, (*record).touchEvent)
	finishTable(w, &p, 5, &w.Promises, &promiseFaults, (*record).promise)
	finishTable(w, &p, 6, &w.BureauReports, &bureauFaults, (*record).bureauReport)
	finishTable(w, &p, 7, &w.Disputes, &disputeFaults, (*record).dispute)
	return w
}

// finishTable does the work of finishBlock for one table: rows get their
// faults, and in CSV become text.
func finishTable[T any](w *written, p *planter, table int, rows *[]T, faults *faultSet[T], write func(*record, T)) {
	var texts map[int]spoiled
	if p.rng != nil {
		*rows, texts = plant(w, p, table, *rows, faults)
	}
	w.rows[table] = len(*rows)
	if p.format != CSV {
		return
	}
	r := record{buf: make([]byte, 0, 96*len(*rows)), spoil: -1}
	for i, row := range *rows {
		s, bad := texts[i]
		if bad {
			r.spoil, r.with = s.column, s.text
		}
		write(&r, row)
		r.spoil = -1
	}
	w.csv[table] = encoded{r.buf, len(*rows)}
	*rows = nil // the text is what goes on
}
