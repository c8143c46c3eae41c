package credit

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Reason is one reason of a decision.
type Reason struct {
	Code    string `json:"code" doc:"For programs: knock_out, missing_data, pd_too_high, loss_above_margin, feature_raises, feature_lowers …"`
	Rule    string `json:"rule,omitempty" doc:"Id of a knock-out."`
	Feature string `json:"feature,omitempty"`
	// Effect is in log-odds of default, PDPoints what the PD would be lower
	// without it; 0 for reasons that are no features.
	Effect   float64 `json:"effect,omitempty" doc:"What the feature adds to the log-odds of default."`
	PDPoints float64 `json:"pd_points,omitempty" doc:"By how much the feature moves the PD of this applicant."`
	Words
}

// rights is what a decision must say beside its reasons.
var rights = Words{
	PT: "Você pode pedir a revisão desta decisão e informações claras sobre os critérios usados (LGPD, art. 20) e consultar e corrigir os dados de cadastro e de birôs de crédito que foram usados (CDC, art. 43).",
	EN: "You may ask for a review of this decision and for clear information on its criteria (LGPD, art. 20), and see and correct the records and bureau data it used (CDC, art. 43).",
}

// phrases are the reasons that are no features.
var phrases = map[string]Words{
	"little_known":          {"São conhecidos poucos dados para decidir sem uma pessoa.", "Too little is known to decide without a person."},
	"income_unknown":        {"A renda não foi informada.", "The income is not known."},
	"pd_low":                {"O risco estimado está dentro do limite de aprovação.", "The estimated risk is within what is accepted."},
	"pd_between":            {"O risco estimado pede a análise de uma pessoa.", "The estimated risk needs a person's judgement."},
	"pd_too_high":           {"O risco estimado está acima do limite da política.", "The estimated risk is above the policy's bound."},
	"loss_above_margin":     {"A perda esperada é alta demais diante do retorno esperado.", "The expected loss is too high for the expected return."},
	"not_worth_its_cost":    {"O valor não cobre os custos da operação.", "The amount does not cover the costs of the operation."},
	"no_room_requested":     {"O valor pedido está abaixo do mínimo.", "The amount asked for is below the minimum."},
	"no_room_maximum":       {"O valor possível está abaixo do mínimo.", "The possible amount is below the minimum."},
	"no_room_expected_loss": {"O limite que o risco permite está abaixo do mínimo.", "The limit that the risk allows is below the minimum."},
	"no_room_income":        {"A parcela não cabe na renda informada.", "The instalment does not fit the income."},
	"limited_by_maximum":    {"O limite é o maior da política, abaixo do valor pedido.", "The limit is the policy's highest, below what was asked for."},
	"limited_by_loss":       {"O limite foi reduzido por causa da perda esperada.", "The limit is lower because of the expected loss."},
	"limited_by_income":     {"O limite foi reduzido para que a parcela caiba na renda.", "The limit is lower so that the instalment fits the income."},
	"bureau_raises":         {"A consulta ao birô de crédito aumentou o risco estimado.", "The bureau report raises the estimated risk."},
	"bureau_lowers":         {"A consulta ao birô de crédito reduziu o risco estimado.", "The bureau report lowers the estimated risk."},
	"deterioration":         {"O risco estimado hoje é muito maior que o da concessão.", "The estimated risk is much above that at the grant."},
	"rising":                {"O risco estimado sobe há meses seguidos.", "The estimated risk has risen for months in sequence."},
	"review_raise":          {"Bom uso e risco menor que o da concessão: o limite pode subir.", "Well used and less risky than at the grant: the limit may rise."},
	"review_keep":           {"Nada pede a mudança do limite.", "Nothing asks for another limit."},
	"review_lower":          {"O risco piorou: o limite deve baixar ao que o risco permite.", "The risk has grown: the limit should fall to what it allows."},
	"review_freeze":         {"O risco está acima da política: sem novo crédito além do que está em uso.", "The risk is above the policy: no new credit beyond what is in use."},
}

func wordsOf(code string) Words { return phrases[code] }

// leastEffect is what a feature must add to the log-odds to be a reason.
const leastEffect = 0.02

// reasons lists what decided, then the features.
func (a *Analyst) reasons(c *subject, v verdict, force forced, before, pd float64) []Reason {
	out := slices.Clone(force.reasons)
	if v.code != "" {
		out = append(out, Reason{Code: v.code, Words: wordsOf(v.code)})
	}
	if v.limit > 0 && v.limit < c.request.RequestedCents {
		code := map[string]string{"maximum": "limited_by_maximum", "expected_loss": "limited_by_loss", "income": "limited_by_income"}[v.bound]
		out = append(out, Reason{Code: code, Words: wordsOf(code)})
	}
	if c.fresh != nil {
		code := "bureau_lowers"
		if pd > before {
			code = "bureau_raises"
		}
		out = append(out, Reason{Code: code, Words: wordsOf(code), PDPoints: pd - before})
	}
	return append(out, a.featureReasons(c, v.decision, before)...)
}

// featureReasons names the features that moved the PD most: towards the decision
// that was made.
func (a *Analyst) featureReasons(c *subject, d Decision, pd float64) []Reason {
	effects := a.model.Contributions(c.row)
	order := make([]int, len(effects))
	for j := range order {
		order[j] = j
	}
	sign, code := 1.0, "feature_raises"
	if d == Accept {
		sign, code = -1, "feature_lowers"
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(sign*effects[j], sign*effects[i]) })
	var out []Reason
	for _, j := range order[:min(len(order), a.policy.Reasons.Count)] {
		if sign*effects[j] < leastEffect {
			break
		}
		f := a.model.Features[j]
		out = append(out, Reason{Code: code, Feature: f.Name, Effect: effects[j], PDPoints: pd - shift(pd, -effects[j]), Words: a.featureWords(f, c, j, sign > 0)})
	}
	return out
}

// featureWords says what a feature is and which way it moved the risk.
func (a *Analyst) featureWords(f Feature, c *subject, j int, raises bool) Words {
	name, value := a.name(f.Name), a.value(f, c.row[j])
	pt, en := "reduz o risco", "lowers the risk"
	if raises {
		pt, en = "aumenta o risco", "raises the risk"
	}
	return Words{fmt.Sprintf("%s: %s (%s)", name.PT, value.PT, pt), fmt.Sprintf("%s: %s (%s)", name.EN, value.EN, en)}
}

// name is how the policy calls a feature.
func (a *Analyst) name(feature string) Words {
	w := a.policy.Reasons.Features[feature].Words
	return Words{cmp.Or(w.PT, feature), cmp.Or(w.EN, feature)}
}

// value words a feature's value.
func (a *Analyst) value(f Feature, v float32) Words {
	if math.IsNaN(float64(v)) {
		return Words{"não informado", "not known"}
	}
	text := strconv.FormatFloat(float64(v), 'f', -1, 32)
	if f.Levels != nil {
		text = f.Levels[int(v)]
	}
	if w, ok := a.policy.Reasons.Features[f.Name].Values[text]; ok {
		return Words{cmp.Or(w.PT, text), cmp.Or(w.EN, text)}
	}
	if f.Levels == nil {
		return Words{strings.Replace(text, ".", ",", 1), text}
	}
	return Words{text, text}
}

func (a *Analyst) missingWords(feature string) Words {
	n := a.name(feature)
	return Words{"Falta um dado que a política exige: " + n.PT + ".", "The policy asks for what is missing: " + n.EN + "."}
}

func (a *Analyst) unusualWords(feature string) Words {
	n := a.name(feature)
	return Words{"Valor muito fora do comum: " + n.PT + ".", "A value far out of the ordinary: " + n.EN + "."}
}
