package pipeline

import (
	"cmp"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"dunning/data"
	"dunning/optimizer"
	"dunning/pipeline/report"
)

// topActions is how many actions the report names.
const topActions = 20

// planned is one touch of the plan on its way to an action.
type planned struct {
	x      *optimizer.LadderExplanation
	step   int // 0 is the first
	before int // touches of the ladder that were drawn, before this one
}

func (t planned) touch() *optimizer.TouchExplanation { return &t.x.Touches[t.step] }

// action is the row of one touch but for its ids.
func (p *planner) action(t planned, value data.Cents) data.Action {
	x, slot := t.touch(), p.slots[t.touch().Slot]
	customer := p.customer[p.ids[t.x.Customer]]
	start, end, hour := p.window(&customer, slot.Channel, slot.Day)
	out := data.Action{
		CustomerID: customer.CustomerID, Channel: slot.Channel, Day: slot.Day,
		WindowStart: start, WindowEnd: end, Step: int32(t.before + t.step + 1),
		CostCents: data.RoundCents(x.CostCents), ValueCents: value,
		ReducedCostCents: data.RoundCents(x.DiscountedCents - x.PaidCents),
		TreatProb:        p.treatProb(t.x.Customer, x.Slot),
		Source:           data.SourceRecommended,
		Reason:           p.reason(t, value),
	}
	if own := p.captured(customer.CustomerID).at(slot); own != nil { // it competed, and was the best
		out.Source, out.WindowStart, out.WindowEnd = data.SourceRegua, own.start, own.end
		out.ReguaID, out.ReguaVersion = own.of.regua.ID, int32(own.of.regua.Version)
		out.ReguaStep, out.Template = own.step().ID, own.step().Template
		out.Reason += fmt.Sprintf(" É o degrau %s da régua %s (versão %d).", out.ReguaStep, out.ReguaID, out.ReguaVersion)
	} else {
		out.Reason += hourWords(hour)
	}
	return out
}

// planID names a plan by its day and by what it proposes.
func (p *planner) planID(actions []data.Action) string {
	h := sha256.New()
	for _, a := range actions {
		fmt.Fprintf(h, "%q %s %d %d %d %d %d\n", a.CustomerID, a.Channel, a.Day, a.WindowStart.Unix(), a.Step, a.CostCents, a.ValueCents)
		if a.ReguaID != "" {
			fmt.Fprintf(h, "%q %d %q %q\n", a.ReguaID, a.ReguaVersion, a.ReguaStep, a.Template)
		}
	}
	return fmt.Sprintf("%s-%s", p.w.AsOf, hex.EncodeToString(h.Sum(nil))[:8])
}

// weekdays are the Portuguese names of the days.
var weekdays = [...]string{"domingo", "segunda", "terça", "quarta", "quinta", "sexta", "sábado"}

// reason says in one Portuguese sentence why an action is proposed: what it is
// expected to bring and cost, where it stands in its ladder, what would happen
// without it, and what comes second.
func (p *planner) reason(t planned, value data.Cents) string {
	slot := p.slots[t.touch().Slot]
	score := p.scores[p.ids[t.x.Customer]]
	var b strings.Builder
	fmt.Fprintf(&b, "%s na %s, %s%s: espera-se recuperar %s a mais por %s; saldo de %s %s, que sem contato seria pago em %d dias com probabilidade de %s",
		capital(slot.Channel.Portuguese()), weekdays[slot.Day.Weekday()], dayMonth(slot.Day), place(t), value.BRL(), data.RoundCents(t.touch().CostCents).BRL(),
		score.BalanceCents.BRL(), lateness(score.DaysPastDue), p.w.Config.Features.HorizonDays, percent(score.PayProb))
	if t.x.Alone || t.x.RunnerUp == optimizer.Hold {
		b.WriteString("; a segunda melhor opção é não contatar.")
		return b.String()
	}
	fmt.Fprintf(&b, "; a segunda melhor opção, já descontado o que cada uma ocupa, é %s (%s).",
		p.ladderWords(t.x.RunnerUp), data.RoundCents(t.x.RunnerUpValueCents).BRL())
	return b.String()
}

// place says which contact of its ladder a touch is; "" for the only one.
func place(t planned) string {
	switch n := t.before + len(t.x.Touches); {
	case n == 1:
		return ""
	case t.before+t.step == 0:
		return fmt.Sprintf(" (1º de %d contatos da régua)", n)
	}
	days := fmt.Sprintf("%d dias", t.touch().GapDays)
	if t.touch().GapDays == 1 {
		days = "1 dia"
	}
	return fmt.Sprintf(" (%dº contato da régua, %s depois do anterior, valor já descontado para %s do que teria sozinho)",
		t.before+t.step+1, days, percent(t.touch().Factor))
}

// ladderWords names the touches of a ladder: "SMS em 05/01 e voz em 08/01".
func (p *planner) ladderWords(r optimizer.Rungs) string {
	var b strings.Builder
	slots := r.Slots(nil)
	for k, s := range slots {
		switch {
		case k > 0 && k == len(slots)-1:
			b.WriteString(" e ")
		case k > 0:
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%s em %s", p.slots[s].Channel.Portuguese(), dayMonth(p.slots[s].Day))
	}
	return b.String()
}

func lateness(days int32) string {
	switch {
	case days == 0:
		return "que vence hoje"
	case days == 1:
		return "vencido há 1 dia"
	case days > 1:
		return fmt.Sprintf("vencido há %d dias", days)
	case days == -1:
		return "a vencer em 1 dia"
	}
	return fmt.Sprintf("a vencer em %d dias", -days)
}

func dayMonth(d data.Date) string { return d.Time().Format("02/01") }

func percent(p float64) string {
	return strings.Replace(strconv.FormatFloat(100*p, 'f', 1, 64), ".", ",", 1) + " %"
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// describe fills in the plan's figures. It gives no lower bound of the whole:
// the sum of the contacts' own bounds would suppose that every estimate errs
// the same way at once.
func (p *planner) describe(actions []data.Action) {
	out := p.out.Plan
	type slot struct {
		channel data.Channel
		day     data.Date
	}
	perDay := map[slot]int64{}
	perChannel := map[data.Channel]*data.PlanChannel{}
	for _, a := range actions {
		out.SpentCents += a.CostCents
		out.ValueCents += a.ValueCents
		perDay[slot{a.Channel, a.Day}]++
		if perChannel[a.Channel] == nil {
			perChannel[a.Channel] = &data.PlanChannel{}
		}
		t := perChannel[a.Channel]
		t.Actions++
		t.CostCents += a.CostCents
		t.ValueCents += a.ValueCents
	}
	out.MaxTouches, out.GapDays = p.rule.Touches, p.rule.GapDays
	out.Ladders = make([]int64, p.rule.Touches)
	touches := map[string]int{}
	for i := range p.explained {
		touches[p.ids[p.explained[i].Customer]] = len(p.explained[i].Touches)
	}
	for _, row := range p.exploredRows() {
		touches[row.id]++
	}
	out.Touched = int64(len(touches))
	for _, n := range touches {
		out.Ladders[n-1]++
	}
	p.describeReguas()
	days := planDays(p.w)
	for _, ch := range data.Channels {
		config, used := p.w.Config.Channels[ch]
		if !used {
			continue
		}
		total := data.PlanChannel{}
		if t := perChannel[ch]; t != nil {
			total = *t
		}
		total.Channel = ch
		if config.CapacityPerDay != nil {
			all := *config.CapacityPerDay * int64(len(days))
			total.Capacity = &all
		}
		out.Channels = append(out.Channels, total)
		for _, day := range days {
			out.Days = append(out.Days, data.PlanDay{Channel: ch, Day: day, Actions: perDay[slot{ch, day}], Capacity: config.CapacityPerDay})
		}
	}
	p.prices()
	p.out.TopActions = topOf(actions)
}

// describeReguas counts the customers whom réguas touch beside the program: a
// régua's ladder may have more touches than a recommended one.
func (p *planner) describeReguas() {
	if p.reguas == nil {
		return
	}
	out := p.out.Plan
	for _, c := range p.reguas.order {
		n := 0
		for _, t := range c.touches {
			if t.kept {
				n++
			}
		}
		if n == 0 {
			continue
		}
		for len(out.Ladders) < n {
			out.Ladders = append(out.Ladders, 0)
		}
		out.Ladders[n-1]++
		out.Touched++
	}
}

// prices lists what one more unit of each limit would bring in, dearest first.
func (p *planner) prices() {
	channelOf := map[string]optimizer.Capacity{}
	for _, c := range p.capacities() {
		channelOf[optimizer.CapacityName(c.Channel, c.Day)] = c
	}
	for r, row := range optimizer.PriceTableGrid(p.grid, p.answer) {
		price := data.RowPrice{Kind: data.PriceSegment, Row: row.Row, Limit: row.Limit, Used: row.Used, PriceCents: row.DualPrice}
		if i := p.answer.Intervals[r]; !i.Open {
			price.LowCents, price.HighCents = report.Known(i.Low), report.Known(i.High)
		}
		if c, ok := channelOf[row.Row]; ok {
			price.Kind, price.Channel, price.Day = data.PriceCapacity, c.Channel, c.Day
		} else if row.Row == optimizer.BudgetName {
			price.Kind = data.PriceBudget
		}
		p.out.Plan.Prices = append(p.out.Plan.Prices, price)
	}
	slices.SortStableFunc(p.out.Plan.Prices, func(a, b data.RowPrice) int { return cmp.Compare(b.PriceCents, a.PriceCents) })
}

// blockedCount counts what one rule forbade. Candidates come by customer.
type blockedCount struct {
	candidates, customers int64
	last                  string
}

func countBlocked(to map[string]*blockedCount, c *data.Candidate) {
	b := to[c.BlockedBy]
	if b == nil {
		b = &blockedCount{}
		to[c.BlockedBy] = b
	}
	b.candidates++
	if b.last != c.CustomerID {
		b.customers++
		b.last = c.CustomerID
	}
}

// blockedTable names the rules in words, those that forbid most first.
func (p *planner) blockedTable(counts map[string]*blockedCount) []data.Blocked {
	var out []data.Blocked
	for _, r := range p.engine.Rules() {
		if b := counts[r.ID]; b != nil {
			out = append(out, data.Blocked{Rule: r.ID, Title: r.Portuguese, Source: r.Source, Candidates: b.candidates, Customers: b.customers})
		}
	}
	if b := counts[holdoutRule]; b != nil {
		out = append(out, data.Blocked{Rule: holdoutRule, Title: "Grupo de controle permanente: ninguém o contata, para que o efeito dos contatos possa ser medido.",
			Candidates: b.candidates, Customers: b.customers})
	}
	slices.SortStableFunc(out, func(a, b data.Blocked) int { return cmp.Compare(b.Candidates, a.Candidates) })
	return out
}

// writePlanCSV writes the plan for spreadsheets: the columns of plan.parquet.
func writePlanCSV(path string, actions []data.Action) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	w := csv.NewWriter(f)
	header := []string{"plan_id", "action_id", "customer_id", "channel", "day", "window_start", "window_end", "step",
		"cost_cents", "value_cents", "reduced_cost_cents", "treat_prob", "source", "reason",
		"regua_id", "regua_version", "regua_step", "template", "model_version"}
	if err := w.Write(header); err != nil {
		return err
	}
	for _, a := range actions {
		err := w.Write([]string{a.PlanID, a.ActionID, a.CustomerID, string(a.Channel), a.Day.String(),
			a.WindowStart.Format(time.RFC3339), a.WindowEnd.Format(time.RFC3339), strconv.Itoa(int(a.Step)),
			strconv.FormatInt(int64(a.CostCents), 10), strconv.FormatInt(int64(a.ValueCents), 10),
			strconv.FormatInt(int64(a.ReducedCostCents), 10), strconv.FormatFloat(a.TreatProb, 'g', -1, 64), string(a.Source), a.Reason,
			a.ReguaID, strconv.Itoa(int(a.ReguaVersion)), a.ReguaStep, a.Template, a.ModelVersion})
		if err != nil {
			return err
		}
	}
	w.Flush()
	return cmp.Or(w.Error(), f.Close())
}
