package report

import (
	"fmt"

	"dunning/data"
	"dunning/pipeline/chart"
)

// phrase is one text in both languages.
type phrase struct{ pt, en string }

// voice writes the texts and numbers of one report.
type voice struct {
	chart.Locale
	lang string // "pt" or "en"
}

// newVoice returns the voice of a language; anything but "en" is Portuguese.
func newVoice(lang, currency string) voice {
	if lang != "en" {
		lang = "pt"
	}
	return voice{Locale: chart.NewLocale(lang, currency), lang: lang}
}

// pick returns the phrase in the voice's language.
func (v voice) pick(p phrase) string {
	if v.lang == "en" {
		return p.en
	}
	return p.pt
}

// say returns the text of a key, with its arguments filled in. The keys are
// constants of this package: an unknown one is a mistake in it.
func (v voice) say(key string, args ...any) string {
	p, ok := phrases[key]
	if !ok {
		panic("report: no text for " + key)
	}
	if len(args) == 0 {
		return v.pick(p)
	}
	return fmt.Sprintf(v.pick(p), args...)
}

// says returns the texts of several keys.
func (v voice) says(keys ...string) []string {
	out := make([]string, len(keys))
	for i, k := range keys {
		out[i] = v.say(k)
	}
	return out
}

// channel returns a channel's name.
func (v voice) channel(c data.Channel) string {
	if v.lang == "pt" {
		return c.Portuguese()
	}
	if p, ok := channelsEN[c]; ok {
		return p
	}
	return string(c)
}

var channelsEN = map[data.Channel]string{
	data.Hold: "hold", data.Email: "e-mail", data.SMS: "SMS", data.WhatsApp: "WhatsApp",
	data.Voice: "voice call", data.Letter: "letter",
}

// rule returns a quarantine rule in words, or its name when it has none.
func (v voice) rule(name string) string {
	if p, ok := ruleWords[name]; ok {
		return v.pick(p)
	}
	return name
}

var ruleWords = map[string]phrase{
	"missing_value":        {"valor ausente", "missing value"},
	"bad_date":             {"data inválida", "bad date"},
	"bad_number":           {"número inválido", "bad number"},
	"negative_amount":      {"valor negativo", "negative amount"},
	"unknown_customer":     {"cliente desconhecido", "unknown customer"},
	"unknown_invoice":      {"título desconhecido", "unknown invoice"},
	"unknown_touch":        {"contato desconhecido", "unknown touch"},
	"duplicate_id":         {"identificador repetido", "duplicate id"},
	"payment_before_issue": {"pagamento antes da emissão", "payment before issue"},
	"due_before_issue":     {"vencimento antes da emissão", "due before issue"},
	"unknown_channel":      {"canal desconhecido", "unknown channel"},
	"unknown_kind":         {"tipo desconhecido", "unknown kind"},
	"bad_probability":      {"probabilidade fora de (0, 1]", "probability outside (0, 1]"},
	"bad_document":         {"CPF/CNPJ inválido", "bad CPF/CNPJ"},
}

// The figures below return "–" for what could not be measured.

func (v voice) percent(f *float64, digits int) string {
	if f == nil {
		return "–"
	}
	return v.Percent(*f, digits)
}

func (v voice) decimal(f *float64, digits int) string {
	if f == nil {
		return "–"
	}
	return v.Decimal(*f, digits)
}

func (v voice) days(f *float64) string {
	if f == nil {
		return "–"
	}
	return v.say("n_days", v.Decimal(*f, 1))
}

// points writes a difference of shares in percentage points.
func (v voice) points(f *float64) string {
	if f == nil {
		return "–"
	}
	return v.say("n_points", v.Decimal(*f*100, 2))
}

// cents writes an amount that is known as a float.
func (v voice) cents(f *float64) string {
	if f == nil {
		return "–"
	}
	return v.Money(data.RoundCents(*f))
}

// limit writes a capacity; nil is no limit.
func (v voice) limit(n *int64) string {
	if n == nil {
		return v.say("unlimited")
	}
	return v.Int(*n)
}
