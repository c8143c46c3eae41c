package web

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"dunning/data"
	"dunning/serve"
	"dunning/serve/ledger"
)

// decidePage is the form of a decision with what it would reserve.
type decidePage struct {
	Plan     ledger.Plan
	Channels []linkedSums // of the whole plan
	Values   []string     // the channels' words, as Channels
	Segments []linkedSums
	Words    []string        // the segments' words, as Segments
	Wallets  []ledger.Wallet // that could pay for something
	Wallet   string
	InForce  []ledger.Plan // that the plan may take the place of

	Part     bool
	Chosen   map[string]bool // "canal sms", "segmento x", "troca plan"
	MaxText  string
	MaxFault bool

	Sums   sums
	Draws  []drawLine
	CanPay bool
}

// drawLine is what the approval takes from one wallet.
type drawLine struct {
	Wallet  ledger.Wallet
	Amount  ledger.Units
	After   ledger.Units // available then
	Enough  bool
	CanPay  bool // the wallet's currency pays for these channels
	Channel []data.Channel
}

// Money says whether the wallet holds money.
func (d drawLine) Money() bool { return d.Wallet.Currency == ledger.BRL }

// decision reads the form's choices, from the address or the body, and computes
// what they would reserve.
func (v *visit) decision(plan ledger.Plan, o *outline) (*decidePage, error) {
	form := v.r.URL.Query()
	if v.r.PostForm != nil {
		form = v.r.PostForm
	}
	wallets, err := v.site.Ledger.Wallets(v.r.Context())
	if err != nil {
		return nil, err
	}
	out := &decidePage{Plan: plan, Wallets: wallets, Wallet: form.Get("carteira"), Part: form.Get("parte") == "sim", Chosen: map[string]bool{}, MaxText: form.Get("maximo")}
	if out.Wallet == "" {
		out.Wallet = preferred(wallets)
	}
	if out.InForce, err = v.site.Ledger.Plans(v.r.Context(), ledger.Approved, ledger.Dispatching); err != nil {
		return nil, err
	}
	for i, t := range o.totals.Channels {
		if t.Actions > 0 {
			out.Channels = append(out.Channels, linkedSums{Name: v.lang.Channel(data.Channels[i]), sums: t})
			out.Values = append(out.Values, string(data.Channels[i]))
		}
	}
	for i, t := range o.totals.Segments {
		out.Segments = append(out.Segments, linkedSums{Name: v.segment(o.segments[i]), sums: t})
		out.Words = append(out.Words, segmentWord(o.segments[i]))
	}
	for _, key := range []string{"canal", "segmento", "troca"} {
		for _, word := range form[key] {
			out.Chosen[key+" "+word] = true
		}
	}
	part, err := v.partOf(form, out)
	if err != nil {
		return nil, err
	}
	byChannel, all := o.totals.Channels, o.totals.All
	if part != nil {
		byChannel, all = o.part(part)
	}
	out.Sums = all
	out.draws(byChannel, form)
	return out, nil
}

// preferred is the wallet that is offered first: money with the most in it.
func preferred(wallets []ledger.Wallet) string {
	best := ""
	most := ledger.Units(-1)
	for _, w := range wallets {
		if w.Currency == ledger.BRL && w.Balances.Available > most {
			best, most = w.ID, w.Balances.Available
		}
	}
	return best
}

// partOf reads which part is chosen, nil for the whole plan.
func (v *visit) partOf(form url.Values, out *decidePage) (*ledger.Part, error) {
	if !out.Part {
		return nil, nil
	}
	part := &ledger.Part{}
	for _, word := range form["canal"] {
		part.Channels = append(part.Channels, data.Channel(word))
	}
	for _, word := range form["segmento"] {
		if word == noSegment {
			word = ""
		}
		part.Segments = append(part.Segments, word)
	}
	if strings.TrimSpace(out.MaxText) != "" {
		most, err := v.lang.ParseMoney(out.MaxText)
		if err != nil {
			out.MaxFault = true
		} else {
			part.MaxCents = &most
		}
	}
	slices.Sort(part.Segments)
	slices.SortFunc(part.Channels, func(a, b data.Channel) int { return cmp.Compare(a.Index(), b.Index()) })
	text, err := json.Marshal(part)
	if err != nil {
		return nil, fmt.Errorf("web: part: %w", err)
	}
	// The same part of the same plan is the same new plan: a form that is sent
	// twice approves once.
	sum := sha256.Sum256(append([]byte(out.Plan.SHA256), text...))
	part.PlanID = out.Plan.ID + "-parte-" + hex.EncodeToString(sum[:4])
	return part, nil
}

// walletOf is who pays for a channel by the form's choices.
func walletOf(form url.Values, base string, ch data.Channel) string {
	return cmp.Or(form.Get("carteira_"+string(ch)), base)
}

// draws computes what each wallet would pay.
func (d *decidePage) draws(byChannel [len(data.Channels)]sums, form url.Values) {
	lines := map[string]*drawLine{}
	d.CanPay = d.Sums.Actions > 0 && !d.MaxFault
	for i, t := range byChannel {
		ch := data.Channels[i]
		if t.Actions == 0 {
			continue
		}
		id := walletOf(form, d.Wallet, ch)
		at := slices.IndexFunc(d.Wallets, func(w ledger.Wallet) bool { return w.ID == id })
		if at < 0 {
			d.CanPay = false
			continue
		}
		if lines[id] == nil {
			lines[id] = &drawLine{Wallet: d.Wallets[at], CanPay: true}
		}
		line := lines[id]
		line.Channel = append(line.Channel, ch)
		switch {
		case line.Money():
			line.Amount += ledger.Units(t.Cost)
		case line.Wallet.Currency.Channel() == ch:
			line.Amount += ledger.Units(t.Actions)
		default:
			line.CanPay = false
		}
	}
	for _, w := range d.Wallets {
		line := lines[w.ID]
		if line == nil {
			continue
		}
		line.After = w.Balances.Available - line.Amount
		line.Enough = line.After >= 0
		d.CanPay = d.CanPay && line.CanPay && (line.Enough || d.replaces())
		d.Draws = append(d.Draws, *line)
	}
}

// replaces says whether plans in force are to be superseded: what they release
// first is not in the balances yet.
func (d *decidePage) replaces() bool {
	for key := range d.Chosen {
		if strings.HasPrefix(key, "troca ") {
			return true
		}
	}
	return false
}

// planReserve answers htmx with what the choices of the form would reserve.
func planReserve(v *visit) error {
	plan, err := v.site.Ledger.Plan(v.r.Context(), v.r.PathValue("plan"))
	if err != nil {
		return err
	}
	o, ready, err := v.site.outlineOf(plan)
	if err != nil {
		return err
	}
	if !ready {
		return fail(serve.CodeUnavailable)
	}
	out, err := v.decision(plan, o)
	if err != nil {
		return err
	}
	return v.part("reserve-part", out)
}

// planApprove approves what the person saw: the hash of the plan, and the
// amounts that were to be reserved.
func planApprove(v *visit) error {
	form := v.r.PostForm
	plan, err := v.site.Ledger.Plan(v.r.Context(), v.r.PathValue("plan"))
	if err != nil {
		return err
	}
	reason, err := v.reasonOf()
	if err != nil {
		return err
	}
	o, ready, err := v.site.outlineOf(plan)
	if err != nil {
		return err
	}
	if !ready {
		return fail(serve.CodeUnavailable)
	}
	seen, err := v.decision(plan, o)
	if err != nil {
		return err
	}
	if seen.MaxFault || seen.Wallet == "" {
		return fail(serve.CodeInvalid)
	}
	if form.Get("valor") != fmt.Sprint(int64(seen.Sums.Cost)) || form.Get("acoes") != fmt.Sprint(seen.Sums.Actions) {
		return fail(serve.CodeConflict) // the choices and the figures shown for them do not belong together
	}
	part, err := v.partOf(form, seen)
	if err != nil {
		return err
	}
	request := ledger.ApproveRequest{PlanID: plan.ID, SHA256: form.Get("sha256"), Approver: v.login(), Reason: reason,
		WalletID: seen.Wallet, Supersedes: form["troca"], Part: part, Wallets: map[data.Channel]string{}}
	for _, ch := range data.Channels {
		if id := form.Get("carteira_" + string(ch)); id != "" {
			request.Wallets[ch] = id
		}
	}
	approval, err := v.site.Ledger.Approve(v.r.Context(), request)
	if err != nil {
		return err
	}
	return v.redirect(planPath(approval.PlanID) + "?feito=aprovado")
}
