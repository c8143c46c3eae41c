package serve

import (
	"hash/fnv"
	"path/filepath"
	"sort"
	"time"

	"dunning/data"
)

// past is what the lake knows of the customers beside their own rows, as far as
// the planner asked the rules about it: whoever hands out actions asks about the
// same. Rows are those of the portfolio.
type past struct {
	paidOn   []data.Date // day of the last payment, 0 for none
	spokenOn []data.Date // day of the last reply to a call of the last month, 0 for none
	touches  []pastTouch // of the last month, by row
}

// pastTouch is a touch that the lake knows. What the ledger sent comes back in the
// lake under the action's id; its hash tells that the two are one.
type pastTouch struct {
	row     uint32
	day     data.Date
	channel data.Channel
	id      uint64
}

// The columns of the lake's tables that the past is made of.
type (
	pastPayment struct {
		CustomerID string    `parquet:"customer_id,dict"`
		PaidAt     time.Time `parquet:"paid_at,timestamp(microsecond)"`
	}
	pastSent struct {
		TouchID    string       `parquet:"touch_id"`
		CustomerID string       `parquet:"customer_id,dict"`
		Channel    data.Channel `parquet:"channel,dict"`
		SentAt     time.Time    `parquet:"sent_at,timestamp(microsecond)"`
	}
	pastEvent struct {
		TouchID    string              `parquet:"touch_id"`
		CustomerID string              `parquet:"customer_id,dict"`
		At         time.Time           `parquet:"at,timestamp(microsecond)"`
		Kind       data.TouchEventKind `parquet:"kind,dict"`
	}
)

// pastTables are the tables of the lake that the past is read from.
var pastTables = []string{"payments", "touches", "touch_events"}

func hashOf(id string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(id))
	return h.Sum64()
}

// rowOf finds a customer; rows come by customer, so the last one is asked about
// first.
type rowOf struct {
	p    *Portfolio
	last int
}

func (r *rowOf) find(id string) (int, bool) {
	if r.last < r.p.Len() && string(r.p.id(r.last)) == id {
		return r.last, true
	}
	i, ok := r.p.find(id)
	if ok {
		r.last = i
	}
	return i, ok
}

// readPast reads what happened before; a table that is not there has no rows.
func (p *Portfolio) readPast(dir string, files []data.File) error {
	p.past = past{paidOn: make([]data.Date, p.Len()), spokenOn: make([]data.Date, p.Len())}
	at := &rowOf{p: p}
	err := scanTable(dir, files, "payments", func(r *pastPayment) {
		if i, ok := at.find(r.CustomerID); ok {
			p.past.paidOn[i] = max(p.past.paidOn[i], data.DateOf(r.PaidAt))
		}
	})
	if err != nil {
		return err
	}
	calls, err := p.readTouches(dir, files, at)
	if err != nil || len(calls) == 0 {
		return err
	}
	return scanTable(dir, files, "touch_events", func(r *pastEvent) {
		if r.Kind == data.EventReplied && calls[hashOf(r.TouchID)] {
			if i, ok := at.find(r.CustomerID); ok {
				p.past.spokenOn[i] = max(p.past.spokenOn[i], data.DateOf(r.At))
			}
		}
	})
}

// readTouches reads the touches of the month that ends with the last one, and
// returns the ids of the calls.
func (p *Portfolio) readTouches(dir string, files []data.File, at *rowOf) (calls map[uint64]bool, err error) {
	newest := data.Date(0)
	err = scanTable(dir, files, "touches", func(r *pastSent) {
		day := data.DateOf(r.SentAt)
		if r.Channel == data.Hold || day < newest-recheckDays {
			return
		}
		newest = max(newest, day)
		if i, ok := at.find(r.CustomerID); ok {
			p.past.touches = append(p.past.touches, pastTouch{uint32(i), day, r.Channel, hashOf(r.TouchID)})
		}
	})
	if err != nil {
		return nil, err
	}
	calls, kept := map[uint64]bool{}, p.past.touches[:0]
	for _, t := range p.past.touches {
		if t.day < newest-recheckDays {
			continue // read before a newer one was
		}
		kept = append(kept, t)
		if t.channel == data.Voice {
			calls[t.id] = true
		}
	}
	p.past.touches = append([]pastTouch(nil), kept...)
	sort.SliceStable(p.past.touches, func(a, b int) bool { return p.past.touches[a].row < p.past.touches[b].row })
	return calls, nil
}

// scanTable hands every row of a table to use.
func scanTable[T any](dir string, files []data.File, table string, use func(*T)) error {
	for _, name := range namesUnder(files, table) {
		for batch, err := range data.Scan[T](filepath.Join(dir, name)) {
			if err != nil {
				return err
			}
			for i := range batch {
				use(&batch[i])
			}
		}
	}
	return nil
}

// PaidOn returns the day of the customer's last payment in the lake, 0 for none.
func (p *Portfolio) PaidOn(customerID string) data.Date { return p.dayIn(p.past.paidOn, customerID) }

// SpokenOn returns the day on which the customer last answered a call of the last
// month, 0 for none.
func (p *Portfolio) SpokenOn(customerID string) data.Date {
	return p.dayIn(p.past.spokenOn, customerID)
}

func (p *Portfolio) dayIn(days []data.Date, customerID string) data.Date {
	if i, ok := p.find(customerID); ok && i < len(days) {
		return days[i]
	}
	return 0
}

// touchesOf hands the customer's touches of the last month to use.
func (p *Portfolio) touchesOf(customerID string, use func(pastTouch)) {
	i, ok := p.find(customerID)
	if !ok {
		return
	}
	all := p.past.touches
	for k := sort.Search(len(all), func(k int) bool { return int(all[k].row) >= i }); k < len(all) && int(all[k].row) == i; k++ {
		use(all[k])
	}
}
