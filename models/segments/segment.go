package segments

import (
	"fmt"
	"strconv"
	"strings"

	"dunning/data"
)

// Key names a segment in tables, conditions and configuration.
type Key string

// The segments, in the order in which their rules are tried: the first whose
// rule holds is the customer's.
const (
	Arrears      Key = "devedor"
	New          Key = "novo"
	Inactive     Key = "inativo"
	Restricted   Key = "com_restricao"
	PunctualHigh Key = "pontual_alto_valor"
	Punctual     Key = "pontual_frequente"
	Occasional   Key = "pontual_ocasional"
	LateHigh     Key = "atrasado_alto_valor"
	Late         Key = "atrasado"
)

// Keys lists the segments in the order of their rules.
var Keys = [...]Key{Arrears, New, Inactive, Restricted, PunctualHigh, Punctual, Occasional, LateHigh, Late}

// Bounds of the rules: to enter, and to stay.
const (
	arrearsEnterDays, arrearsStayDays = 60, 30
	negativeEnter, negativeStay       = 2, 1
	stayValue                         = 0.80 // of the cut point
	stayFrequent                      = 0.70 // of the cut point
	stayOnTime                        = 0.20 // below the cut point
)

var names = map[Key][2]string{
	Arrears:      {"Devedor", "In arrears"},
	New:          {"Novo", "New"},
	Inactive:     {"Inativo", "Inactive"},
	Restricted:   {"Com restrição", "Adverse record"},
	PunctualHigh: {"Pontual de alto valor", "Punctual, high value"},
	Punctual:     {"Pontual frequente", "Punctual, frequent"},
	Occasional:   {"Pontual ocasional", "Punctual, occasional"},
	LateHigh:     {"Atrasado de alto valor", "Late, high value"},
	Late:         {"Atrasado", "Late"},
}

// Portuguese returns the segment's name for the finance manager.
func (k Key) Portuguese() string { return names[k][0] }

// English returns the segment's name.
func (k Key) English() string { return names[k][1] }

// Valid reports whether k is one of Keys.
func (k Key) Valid() bool { _, ok := names[k]; return ok }

// Next returns the segment of a customer with facts f who was in before ("" at
// first), and the cut points c of his kind. Facts alone decide at first; later
// the loose bounds of the segment he is in keep him there.
func Next(before Key, f Facts, c *Cuts) Key {
	punctualNow := before == PunctualHigh || before == Punctual || before == Occasional
	lateNow := before == LateHigh || before == Late
	highNow := before == PunctualHigh || before == LateHigh
	switch {
	case f.PastDueDays > arrearsEnterDays || before == Arrears && f.PastDueDays > arrearsStayDays:
		return Arrears
	case f.EverDue < SettledDue:
		return New
	case f.IdleDays > IdleDays || f.Due == 0:
		return Inactive
	case f.NegativeRecords >= negativeEnter || before == Restricted && f.NegativeRecords >= negativeStay:
		return Restricted
	}
	high := float64(f.MedianCents) >= float64(c.HighCents) || highNow && float64(f.MedianCents) >= stayValue*float64(c.HighCents)
	// Between the two bounds of punctuality he stays on the side he is on.
	share, bound := f.OnTimeShare(), c.OnTime-stayOnTime/2
	switch {
	case punctualNow:
		bound = c.OnTime - stayOnTime
	case lateNow:
		bound = c.OnTime
	}
	if share < bound {
		if high {
			return LateHigh
		}
		return Late
	}
	switch {
	case high:
		return PunctualHigh
	case f.Invoices >= c.Frequent || before == Punctual && float64(f.Invoices) >= stayFrequent*float64(c.Frequent):
		return Punctual
	}
	return Occasional
}

// Holds reports whether the segment's description, with its loose bounds, is
// true of a customer with facts f.
func (k Key) Holds(f Facts, c *Cuts) bool {
	settled := f.EverDue >= SettledDue && f.IdleDays <= IdleDays && f.Due > 0 && f.PastDueDays <= arrearsEnterDays && f.NegativeRecords < negativeEnter
	share := 0.0
	if f.Due > 0 {
		share = f.OnTimeShare()
	}
	high := float64(f.MedianCents) >= stayValue*float64(c.HighCents)
	switch k {
	case Arrears:
		return f.PastDueDays > arrearsStayDays
	case New:
		return f.EverDue < SettledDue && f.PastDueDays <= arrearsEnterDays
	case Inactive:
		return (f.IdleDays > IdleDays || f.Due == 0) && f.PastDueDays <= arrearsEnterDays
	case Restricted:
		return f.NegativeRecords >= negativeStay && f.IdleDays <= IdleDays && f.PastDueDays <= arrearsEnterDays
	case PunctualHigh:
		return settled && high && share >= c.OnTime-stayOnTime
	case Punctual:
		return settled && float64(f.Invoices) >= stayFrequent*float64(c.Frequent) && f.MedianCents < c.HighCents && share >= c.OnTime-stayOnTime
	case Occasional:
		return settled && f.Invoices < c.Frequent && f.MedianCents < c.HighCents && share >= c.OnTime-stayOnTime
	case LateHigh:
		return settled && high && share < c.OnTime
	case Late:
		return settled && f.MedianCents < c.HighCents && share < c.OnTime
	}
	return false
}

// Describe says in one sentence each, Portuguese and English, what is true of
// every member of the segment under the cut points of the month.
func (k Key) Describe(c *CutPoints) (portuguese, english string) {
	both := func(of func(*Cuts) string) string {
		if p, b := of(&c.Person), of(&c.Business); p != b {
			return p + " (PF) / " + b + " (PJ)"
		}
		return of(&c.Person)
	}
	loose := both(func(c *Cuts) string { return data.RoundCents(stayValue * float64(c.HighCents)).BRL() })
	high := both(func(c *Cuts) string { return c.HighCents.BRL() })
	least := both(func(c *Cuts) string { return percent(c.OnTime - stayOnTime) })
	less := both(func(c *Cuts) string { return percent(c.OnTime) })
	many := both(func(c *Cuts) string {
		for n := 0; ; n++ {
			if float64(n) >= stayFrequent*float64(c.Frequent) {
				return strconv.Itoa(n)
			}
		}
	})
	few := both(func(c *Cuts) string { return strconv.Itoa(c.Frequent) })
	pt := func(format string, a ...any) { portuguese = fmt.Sprintf(format, a...) }
	en := func(format string, a ...any) { english = fmt.Sprintf(format, a...) }
	switch k {
	case Arrears:
		pt("Tem título vencido há mais de %d dias.", arrearsStayDays)
		en("Has an invoice more than %d days past due.", arrearsStayDays)
	case New:
		pt("Teve menos de %d títulos vencidos até hoje; ainda não há histórico.", SettledDue)
		en("Fewer than %d of his invoices ever fell due: there is no history yet.", SettledDue)
	case Inactive:
		pt("Não compra há mais de %d dias, ou nada venceu nos últimos 12 meses.", IdleDays)
		en("Has bought nothing for more than %d days, or nothing fell due in 12 months.", IdleDays)
	case Restricted:
		pt("A última consulta ao bureau (12 meses) mostra restrição.")
		en("The latest bureau report (12 months) shows a negative record.")
	case PunctualHigh:
		pt("Paga em dia ao menos %s e compra a partir de %s (mediana).", least, loose)
		en("Pays at least %s on time and buys from %s on (median).", least, loose)
	case Punctual:
		pt("Paga em dia ao menos %s, compra abaixo de %s, com ao menos %s títulos em 12 meses.", least, high, many)
		en("Pays at least %s on time, buys below %s, at least %s invoices in 12 months.", least, high, many)
	case Occasional:
		pt("Paga em dia ao menos %s, compra abaixo de %s, com menos de %s títulos em 12 meses.", least, high, few)
		en("Pays at least %s on time, buys below %s, fewer than %s invoices in 12 months.", least, high, few)
	case LateHigh:
		pt("Paga em dia menos de %s e compra a partir de %s (mediana).", less, loose)
		en("Pays less than %s on time and buys from %s on (median).", less, loose)
	case Late:
		pt("Paga em dia menos de %s e compra abaixo de %s (mediana).", less, high)
		en("Pays less than %s on time and buys below %s (median).", less, high)
	}
	return portuguese, english
}

func percent(p float64) string {
	return strings.TrimSuffix(strconv.FormatFloat(100*p, 'f', 1, 64), ".0") + " %"
}
