package serve

import (
	"fmt"
	"path"
	"path/filepath"

	"dunning/data"
)

// Portfolio is what the recheck asks of the lake, as columns sorted by
// customer: some 20 bytes and the id per customer. It is immutable.
type Portfolio struct {
	Version string // SHA-256 of the manifest's files that it is read from

	idColumn
	marks []uint16 // consent, reach and flags, one bit each
	place []uint16 // index into places
	group []uint16 // index into groups
	// promised is the last day of a promise, 0 for none.
	promised []data.Date
	places   []whereabouts
	groups   []string // segments
	past     past
	pauses   pauses
	dir      string      // the folder it was read from
	files    []data.File // of that folder
}

// whereabouts is what decides about a customer's hours.
type whereabouts struct{ uf, timezone string }

// The bits of a customer's marks. Consent and reach take one for each channel.
const (
	consentBit = 0
	reachBit   = len(data.Channels)
)

// The bits of the flags that stop contact.
const (
	disputeBit = 2*len(data.Channels) + iota
	litigationBit
	overIndebtedBit
	deceasedBit
	doNotContactBit
)

// Customer returns what the lake knows of a customer, as far as rules ask
// about it: consent, reach, flags, place and segment.
func (p *Portfolio) Customer(customerID string) (data.Customer, bool) {
	i, ok := p.find(customerID)
	if !ok {
		return data.Customer{}, false
	}
	m := p.marks[i]
	has := func(bit int) bool { return m>>bit&1 == 1 }
	where := p.places[p.place[i]]
	return data.Customer{
		CustomerID: customerID, UF: where.uf, Timezone: where.timezone, Segment: p.groups[p.group[i]],
		ConsentEmail: has(consentBit), ConsentSMS: has(consentBit + 1), ConsentWhatsApp: has(consentBit + 2), ConsentVoice: has(consentBit + 3), ConsentLetter: has(consentBit + 4),
		ReachEmail: has(reachBit), ReachSMS: has(reachBit + 1), ReachWhatsApp: has(reachBit + 2), ReachVoice: has(reachBit + 3), ReachLetter: has(reachBit + 4),
		Dispute: has(disputeBit), Litigation: has(litigationBit), OverIndebted: has(overIndebtedBit), Deceased: has(deceasedBit), DoNotContact: has(doNotContactBit),
	}, true
}

// Promised returns the last day of the customer's promises, 0 for none.
func (p *Portfolio) Promised(customerID string) data.Date {
	if i, ok := p.find(customerID); ok {
		return p.promised[i]
	}
	return 0
}

// marksOf packs what a customer agreed to and what stops contact with him.
func marksOf(c *data.Customer) uint16 {
	var m uint16
	set := func(bit int, on bool) {
		if on {
			m |= 1 << bit
		}
	}
	for i, ch := range data.Channels {
		set(consentBit+i, c.Consent(ch))
		set(reachBit+i, c.Reach(ch))
	}
	set(disputeBit, c.Dispute)
	set(litigationBit, c.Litigation)
	set(overIndebtedBit, c.OverIndebted)
	set(deceasedBit, c.Deceased)
	set(doNotContactBit, c.DoNotContact)
	return m
}

// portfolioReader collects the rows of a portfolio.
type portfolioReader struct {
	*Portfolio
	places map[whereabouts]uint16
	groups map[string]uint16
}

func (r *portfolioReader) add(c *data.Customer) error {
	place, err := word(r.places, &r.Portfolio.places, whereabouts{c.UF, c.Timezone})
	if err != nil {
		return err
	}
	group, err := word(r.groups, &r.Portfolio.groups, c.Segment)
	if err != nil {
		return err
	}
	if err := r.addID(c.CustomerID); err != nil {
		return err
	}
	r.marks, r.place, r.group = append(r.marks, marksOf(c)), append(r.place, place), append(r.group, group)
	return nil
}

// readPortfolio reads the extracted customers and promises of a folder; their
// files were checked against its manifest.
func readPortfolio(dir string, files []data.File) (*Portfolio, error) {
	r := &portfolioReader{&Portfolio{}, map[whereabouts]uint16{}, map[string]uint16{}}
	for _, name := range namesUnder(files, "customers") {
		for batch, err := range data.Scan[data.Customer](filepath.Join(dir, name)) {
			if err != nil {
				return nil, err
			}
			for i := range batch {
				if err := r.add(&batch[i]); err != nil {
					return nil, fmt.Errorf("%s: %w", name, err)
				}
			}
		}
	}
	if err := r.sort(); err != nil {
		return nil, fmt.Errorf("%s: %w: %w", dir, data.ErrDamagedFile, err)
	}
	for _, name := range namesUnder(files, "promises") {
		for batch, err := range data.Scan[data.Promise](filepath.Join(dir, name)) {
			if err != nil {
				return nil, err
			}
			for _, p := range batch {
				if i, ok := r.find(p.CustomerID); ok {
					r.promised[i] = max(r.promised[i], p.DueOn)
				}
			}
		}
	}
	return r.Portfolio, r.readPast(dir, files)
}

// sort orders the rows by id; a customer that occurs twice is an error.
func (r *portfolioReader) sort() error {
	order, err := r.sortIDs()
	if err != nil {
		return err
	}
	r.marks, r.place, r.group = take(r.marks, order), take(r.place, order), take(r.group, order)
	r.promised = make([]data.Date, r.Len())
	return nil
}

// namesUnder lists the files of a table, in the order of the manifest.
func namesUnder(files []data.File, table string) []string {
	var names []string
	for _, f := range files {
		if tableOf(f) == table {
			names = append(names, f.Name)
		}
	}
	return names
}

// tableOf names the table that a file is part of.
func tableOf(f data.File) string { return path.Dir(f.Name) }
