package policy

import (
	"fmt"
	"io"
	"strings"
)

// WriteMarkdown writes the rules, the hours, the holidays and the time zones
// in force as the document docs/POLICY.md. The same packs and configuration
// give the same bytes.
func (e *Engine) WriteMarkdown(w io.Writer) error {
	var b strings.Builder
	b.WriteString(policyIntro)
	b.WriteString("\n## Packs\n\n| pack | version | title |\n|---|---|---|\n")
	for _, p := range e.packs {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", p.Name, p.Version, p.Title)
	}
	b.WriteString("\n## Rules, in order of precedence\n\n| id | binds | in force | says | source |\n|---|---|---|---|---|\n")
	for _, r := range e.rules {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s%s<br>%s | %s%s |\n", r.ID, scope(r), inForce(r),
			r.Portuguese, e.limit(r), r.English, r.Source, unconfirmed(r.Confirmed))
	}
	b.WriteString("\n## Hours, local to the customer\n\n| UF | weekdays | Saturdays | from | rule |\n|---|---|---|---|---|\n")
	for _, r := range e.rules {
		if r.Kind != ContactHours {
			continue
		}
		saturdays := "none"
		if r.Saturdays != nil {
			saturdays = r.Saturdays.String()
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | `%s`%s |\n", all(r.UF), r.Weekdays, saturdays, inForce(r), r.ID, unconfirmed(r.Confirmed))
	}
	b.WriteString("\n## Holidays\n\n| day | name | UF | years | source |\n|---|---|---|---|---|\n")
	for _, h := range e.holidays {
		fmt.Fprintf(&b, "| %s | %s (%s) | %s | %s | %s%s |\n", when(h), h.Portuguese, h.English, all(h.UF), years(h), h.Source, unconfirmed(h.Confirmed))
	}
	b.WriteString("\n## Time zones\n\nThe customer's own `timezone` comes first; then his state's:\n\n")
	for i, uf := range ufs {
		if loc := e.zones.byUF[i]; loc != nil && i > 0 {
			fmt.Fprintf(&b, "- %s: %s\n", uf, loc)
		}
	}
	fmt.Fprintf(&b, "- neither known: the hours open by %s and close by %s, so that they hold in the whole country\n", e.zones.opens, e.zones.closes)
	if err := e.profiles(&b); err != nil {
		return err
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// profiles writes the embedded packs that the engine does not use.
func (e *Engine) profiles(b *strings.Builder) error {
	all, err := e.Packs(0)
	if err != nil {
		return err
	}
	b.WriteString("\n## Further profiles\n\nNot used unless `policy.packs` names them. Packs combine: of several hours those\nthat all leave open hold, and of several caps the strictest binds.\n\n| pack | id | binds | in force | says | source |\n|---|---|---|---|---|---|\n")
	for _, info := range all {
		if info.Used {
			continue
		}
		p, err := EmbeddedPack(info.Name)
		if err != nil {
			return err
		}
		for _, r := range p.Rules {
			fmt.Fprintf(b, "| %s %s | `%s` | %s | %s | %s<br>%s | %s%s |\n", p.Name, p.Version, r.ID, scope(r), inForce(r),
				r.Portuguese, r.English, r.Source, unconfirmed(r.Confirmed))
		}
	}
	return nil
}

const policyIntro = `# Policy: when a customer may be contacted

Generated from the rule packs in ` + "`policy/packs`" + ` with the default configuration;
a test compares this page with them. Legal texts change: a row marked *unconfirmed*
rests on a secondary source, and none of this is legal advice.

A candidate that a rule forbids keeps the rule's id in ` + "`blocked_by`" + `. Where several
forbid, the first of the list below is named. Rules are checked when a plan is
made and again at the moment of sending, on the facts of that moment.

- The hours are half open: 20:00:00 is already outside 08:00-20:00.
- The state laws speak of telephone calls (Alagoas: of text messages too). Their
  hours are kept on every channel, e-mail and letters included: stricter than the
  law asks, and safe.
- Bank holidays (Carnival, Corpus Christi) count as holidays, though they are not
  national ones by law.
- Days past due are those of the oldest open invoice, on the day of the action: one
  prescribed invoice silences the customer until it is separated from the rest.
- Touches already planned count for the gap and for the caps like sent ones. A
  touch whose channel is not known counts on every channel.
- A rule's dates say when it holds: an action on a day is judged by the rules of
  that day. ` + "`dunning policy packs --as-of DAY`" + ` shows them.
- ` + "`prior_notice`" + ` binds reports to a credit bureau (negativação), which the plan
  never proposes; every other rule binds touches.
- LGPD art. 20: every automated decision keeps its record. ` + "`candidates`" + ` keeps the
  rule of each option that was refused, ` + "`plan`" + ` the reason of each that was chosen.
- At the moment of sending, a refusal tells the next instant at which the touch
  would be allowed on the same facts, if one lies within 60 days.

` + "`dunning policy check --customer ID --channel sms --at TIME`" + ` asks for one customer,
` + "`dunning policy explain RULE`" + ` for one rule.
`

// limit tells the configured number of a rule that has one.
func (e *Engine) limit(r Rule) string {
	c := e.config
	switch r.Kind {
	case MinAmount:
		return " (" + c.MinAmountCents.BRL() + ")"
	case MaxDaysPastDue:
		return fmt.Sprintf(" (%d dias)", c.MaxDaysPastDue)
	case Prevention:
		return fmt.Sprintf(" (lembretes a partir de D-%d)", c.PreventionDays)
	case Grace:
		return fmt.Sprintf(" (%d dias)", c.GraceDays)
	case PromiseOpen:
		return fmt.Sprintf(" (data da promessa + %d dias)", c.PromiseGraceDays)
	case MinGap:
		return fmt.Sprintf(" (intervalo mínimo: %d dias)", c.MinGapDays)
	case MaxTouches1:
		return fmt.Sprintf(" (%d)", c.MaxTouches1)
	case PaymentFlight:
		return fmt.Sprintf(" (%d dias a partir do pagamento)", c.PaymentHoldDays)
	case ChannelCap:
		return limitOf(len(c.ChannelCaps), "canais")
	case QuietSegment:
		return limitOf(len(c.QuietSegments), "segmentos")
	case SoftTone:
		return limitOf(len(c.SoftTone.Segments), "segmentos")
	case Paused:
		return limitOf(len(c.Paused), "pausas")
	case MaxTouches7:
		return fmt.Sprintf(" (%d)", c.MaxTouches7)
	case MaxTouches30:
		return fmt.Sprintf(" (%d)", c.MaxTouches30)
	}
	return ""
}

// limitOf tells how many entries a list of the configuration has.
func limitOf(n int, what string) string { return fmt.Sprintf(" (%d %s)", n, what) }

func scope(r Rule) string {
	if len(r.Channels) == 0 {
		return all(r.UF)
	}
	names := make([]string, len(r.Channels))
	for i, ch := range r.Channels {
		names[i] = string(ch)
	}
	return all(r.UF) + ": " + strings.Join(names, ", ")
}

func all(uf []string) string {
	if len(uf) == 0 {
		return "all"
	}
	return strings.Join(uf, ", ")
}

func inForce(r Rule) string {
	switch {
	case r.From != nil && r.Until != nil:
		return fmt.Sprintf("%s to %s", r.From, r.Until)
	case r.From != nil:
		return fmt.Sprintf("since %s", r.From)
	case r.Until != nil:
		return fmt.Sprintf("until %s", r.Until)
	}
	return "always"
}

func unconfirmed(confirmed *bool) string {
	if confirmed != nil && !*confirmed {
		return " *unconfirmed*"
	}
	return ""
}

func when(h Holiday) string {
	switch {
	case h.Library != "":
		return "by the library"
	case h.EasterOffset != 0:
		return fmt.Sprintf("Easter %+d days", h.EasterOffset)
	}
	return fmt.Sprintf("%02d-%02d", h.Month, h.Day)
}

func years(h Holiday) string {
	switch {
	case h.From != 0 && h.Until != 0:
		return fmt.Sprintf("%d–%d", h.From, h.Until)
	case h.From != 0:
		return fmt.Sprintf("since %d", h.From)
	case h.Until != 0:
		return fmt.Sprintf("until %d", h.Until)
	}
	return "all"
}
