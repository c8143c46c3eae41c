package web

import (
	"dunning/data"
	"dunning/serve"
	"dunning/serve/ledger"
)

// storeWarnings tell of outputs that were refused as damaged.
func (v *visit) storeWarnings() []warning {
	var out []warning
	status := v.site.Store.Status()
	for _, part := range []struct {
		key   string
		state serve.State
	}{{"scores", status.Scores.State}, {"plan", status.Plan.State}, {"model", status.Model.State}, {"portfolio", status.Portfolio.State}} {
		if part.state == serve.Damaged {
			out = append(out, warning{v.say("warn.damaged"), v.say("warn.damaged_" + part.key)})
		}
	}
	return out
}

// todayWarnings lists what a manager should know before she decides, and the
// interval of the expected recovery where it was measured.
func (v *visit) todayWarnings(f *serve.PlanDocument, asOf data.Date, kept *ledger.Plan) ([]warning, *interval, error) {
	out := v.storeWarnings()
	if age := int(Today(v.now()) - asOf); age >= 1 {
		text := v.say("warn.stale_text", v.lang.Date(asOf), age)
		if f.Plan.To < Today(v.now()) {
			text = v.say("warn.over_text", v.lang.Date(f.Plan.To))
		}
		out = append(out, warning{v.say("warn.stale"), text})
	}
	short, err := v.walletWarning(f, kept)
	if err != nil {
		return nil, nil, err
	}
	out = append(out, short...)
	for _, u := range f.Plan.Unmet {
		out = append(out, warning{v.say("warn.unmet"), v.say("warn.unmet_text", u.Row, v.lang.Decimal(u.Reached, 0), v.lang.Decimal(u.Demanded, 0))})
	}
	var span *interval
	health, err := v.site.Figures.Health(v.r.Context())
	if code, _, _ := serve.CodeOf(err); err != nil && code == serve.CodeNotFound {
		return out, nil, nil // plans of other models have no evaluation here
	}
	if err != nil {
		v.site.config.Log.Warn("the model's evaluation cannot be read", "error", err)
		return append(out, warning{v.say("warn.damaged"), v.say("warn.damaged_model")}), nil, nil
	}
	if low, high, ok := health.Interval(f.Plan.Channels); ok {
		span = &interval{low, high}
	}
	kinds := map[data.AlarmKind]int{}
	for _, a := range health.Health.Alarms {
		kinds[a.Kind]++
	}
	for _, kind := range []data.AlarmKind{data.AlarmDrift, data.AlarmLeak, data.AlarmLog, data.AlarmFairness} {
		if n := kinds[kind]; n > 0 {
			out = append(out, warning{v.say("warn." + string(kind)), v.say("warn."+string(kind)+"_text", n)})
		}
	}
	return out, span, nil
}

// walletWarning says when no wallet of money could pay for a plan that waits to
// be approved.
func (v *visit) walletWarning(f *serve.PlanDocument, kept *ledger.Plan) ([]warning, error) {
	if kept != nil && kept.State != ledger.Draft && kept.State != ledger.Submitted {
		return nil, nil
	}
	wallets, err := v.site.Ledger.Wallets(v.r.Context())
	if err != nil {
		return nil, err
	}
	most, money := ledger.Units(0), false
	for _, w := range wallets {
		if w.Currency != ledger.BRL {
			return nil, nil // credits pay for channels of their own
		}
		money, most = true, max(most, w.Balances.Available)
	}
	if !money {
		return []warning{{v.say("warn.no_wallet"), v.say("warn.no_wallet_text")}}, nil
	}
	if data.Cents(most) < f.Plan.SpentCents {
		return []warning{{v.say("warn.short"), v.say("warn.short_text", v.lang.Money(data.Cents(most)), v.lang.Money(f.Plan.SpentCents))}}, nil
	}
	return nil, nil
}

var todayWords = words{
	"today.title":        {"Hoje", "Today"},
	"today.blocked_whom": {"Ver em cada cliente", "See at each customer"},
	"today.force":        {"Em vigor", "In force"},
	"today.force_help":   {"O que foi aprovado e o que já saiu. Cada contato enviado sai da reserva e fica como gasto na carteira.", "What was approved, and what has been sent. Each contact that is sent leaves the reservation and is spent in the wallet."},
	"today.force_sent":   {"Enviadas", "Sent"},
	"today.force_queued": {"Na fila", "Waiting"},
	"today.force_never":  {"Não saíram", "Not sent"},
	"today.none":         {"Ainda não há plano", "There is no plan yet"},
	"today.none_text": {"O plano do dia é feito pelo pipeline: ele lê os dados, estima quem paga e quanto cada contato traz a mais, e escolhe os contatos dentro do orçamento e da lei. Rode o comando abaixo; esta página se atualiza quando ele terminar.",
		"The plan of the day is made by the pipeline: it reads the data, estimates who pays and what each contact adds, and chooses the contacts within the budget and the law. Run the command below; this page follows when it is done."},
	"today.head":         {"Plano feito com os dados de %s, para os dias %s a %s", "Plan made with the data of %s, for the days %s to %s"},
	"today.propose":      {"Propor este plano", "Propose this plan"},
	"today.propose_help": {"Outra pessoa aprova; nada é enviado antes.", "Somebody else approves; nothing is sent before."},
	"today.open":         {"Ver o plano", "See the plan"},
	"today.decide":       {"Decidir sobre o plano", "Decide on the plan"},
	"today.value":        {"Recuperação adicional esperada", "Expected additional recovery"},
	"today.interval":     {"entre %s e %s (95%%), pela incerteza medida do efeito dos contatos", "between %s and %s (95%%), by the measured uncertainty of the contacts' effect"},
	"today.no_interval":  {"sem intervalo: o efeito de algum canal ainda não foi medido", "no interval: the effect of some channel is not measured yet"},
	"today.cost":         {"Custo", "Cost"},
	"today.of_budget":    {"%s do orçamento de %s", "%s of the budget of %s"},
	"today.return":       {"Retorno", "Return"},
	"today.per_real":     {"de recuperação adicional por real gasto", "of additional recovery per real spent"},
	"today.touched":      {"Clientes contatados", "Customers contacted"},
	"today.of_open":      {"de %s com saldo em aberto; %s no grupo de controle", "of %s with an open balance; %s in the control group"},
	"today.next":         {"Mais R$ 1.000 de orçamento", "R$ 1,000 more of budget"},
	"today.next_range":   {"trariam de %s a %s; o próximo real traz %s", "would bring %s to %s; the next real brings %s"},
	"today.next_most":    {"trariam no máximo isso; o próximo real traz %s", "would bring at most this; the next real brings %s"},
	"today.next_none":    {"o orçamento já não é o limite: faltam contatos permitidos que valham a pena", "the budget is no longer the limit: no allowed contact is left that is worth it"},
	"today.by_day":       {"Contatos por dia e canal", "Contacts by day and channel"},
	"today.by_day_alt":   {"Colunas empilhadas: %s contatos em %s dias, por canal. Os números estão na tabela abaixo.", "Stacked columns: %s contacts on %s days, by channel. The figures are in the table below."},
	"today.day":          {"Dia", "Day"},
	"today.channels":     {"Por canal", "By channel"},
	"today.channel":      {"Canal", "Channel"},
	"today.actions":      {"Contatos", "Contacts"},
	"today.use":          {"Capacidade usada", "Capacity used"},
	"today.unlimited":    {"sem limite", "no limit"},
	"today.heat":         {"Capacidade por canal e dia", "Capacity by channel and day"},
	"today.heat_help":    {"Contatos planejados sobre a capacidade. Onde ela acabou, o valor é o que um contato a mais traria.", "Planned contacts over the capacity. Where it is used up, the amount is what one more contact would bring."},
	"today.full":         {"cheio", "full"},
	"today.one_more":     {"+1 traz %s", "+1 brings %s"},
	"today.of":           {"de %s", "of %s"},
	"today.changes":      {"O que mudou", "What changed"},
	"today.against":      {"contra o plano de %s", "against the plan of %s"},
	"today.first":        {"Este é o primeiro plano: ainda não há outro com que comparar.", "This is the first plan: there is none to compare with yet."},
	"today.before":       {"Antes", "Before"},
	"today.after":        {"Agora", "Now"},
	"today.difference":   {"Diferença", "Difference"},
	"today.kept":         {"%s contatos iguais, %s novos, %s a menos.", "%s contacts the same, %s new, %s gone."},
	"today.blocked":      {"O que a lei e a política impediram", "What law and policy forbade"},
	"today.blocked_help": {"%s das opções eram permitidas.", "%s of the options were allowed."},
	"today.rule":         {"Regra", "Rule"},
	"today.basis":        {"Base", "Basis"},
	"today.options":      {"Opções", "Options"},
	"today.customers":    {"Clientes", "Customers"},
	"today.share":        {"Das opções", "Of the options"},
	"today.none_state":   {"não proposto", "not proposed"},

	"warn.title":             {"Avisos", "Warnings"},
	"warn.damaged":           {"Arquivo recusado", "A file was refused"},
	"warn.damaged_scores":    {"A última previsão não confere com o registro dela; vale a anterior. Rode o pipeline de novo.", "The last scores do not match their record; the ones before are used. Run the pipeline again."},
	"warn.damaged_plan":      {"O último plano não confere com o registro dele; vale o anterior. Rode o pipeline de novo.", "The last plan does not match its record; the one before is used. Run the pipeline again."},
	"warn.damaged_model":     {"O modelo ou a avaliação dele não confere com o registro; vale o anterior. Fale com o cientista de dados.", "The model or its evaluation does not match the record; the one before is used. Talk to the data scientist."},
	"warn.damaged_portfolio": {"Os dados dos clientes não conferem com o registro; valem os anteriores. Rode a extração de novo.", "The customers' data do not match their record; the ones before are used. Run the extraction again."},
	"warn.stale":             {"Dados de outro dia", "Data of another day"},
	"warn.stale_text":        {"O plano usa os dados de %s (dias desde então: %d). Pagamentos feitos desde então são conferidos antes de cada envio, mas a escolha não os conhece.", "The plan uses the data of %s (days since: %d). Payments made since are checked before each contact, but the choice does not know them."},
	"warn.over_text":         {"O último dia deste plano foi %s. Rode o pipeline para ter o plano de hoje.", "The last day of this plan was %s. Run the pipeline for today's plan."},
	"warn.unmet":             {"Mínimo não atingido", "A minimum is missed"},
	"warn.unmet_text":        {"%s: %s de %s.", "%s: %s of %s."},
	"warn.no_wallet":         {"Não há carteira", "There is no wallet"},
	"warn.no_wallet_text":    {"Crie uma carteira de créditos e recarregue-a antes de aprovar o plano.", "Make a wallet and top it up before the plan is approved."},
	"warn.short":             {"Carteira sem saldo para o plano", "The wallet cannot pay for the plan"},
	"warn.short_text":        {"Há %s disponíveis e o plano reserva %s. Recarregue, ou aprove uma parte.", "%s are available and the plan reserves %s. Top it up, or approve a part."},
	"warn.drift":             {"Os clientes mudaram", "The customers changed"},
	"warn.drift_text":        {"Alarmes de deriva: %d. O que o modelo aprendeu pode não valer mais. Peça ao cientista de dados que olhe antes de aprovar.", "Drift alarms: %d. What the model learned may no longer hold. Ask the data scientist to look before you approve."},
	"warn.leak":              {"Suspeita de vazamento no modelo", "The model may know too much"},
	"warn.leak_text":         {"Variáveis que parecem conhecer o resultado: %d. As previsões podem ser boas demais para ser verdade.", "Features that seem to know the outcome: %d. The predictions may be too good to be true."},
	"warn.log":               {"Registro de contatos incoerente", "The log of contacts does not add up"},
	"warn.log_text":          {"Opções usadas com frequência diferente da registrada: %d. Os efeitos medidos podem estar errados.", "Options used more or less often than logged: %d. The measured effects may be wrong."},
	"warn.fairness":          {"Grupos tratados de modo desigual", "Groups are judged unevenly"},
	"warn.fairness_text":     {"Grupos previstos como piores do que pagam: %d. Veja em Modelos.", "Groups predicted to pay worse than they do: %d. See Models."},
}
