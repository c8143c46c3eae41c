package web

import "dunning/serve/ledger"

// stateClass is the colour of a plan's state.
func stateClass(s ledger.PlanState) string {
	switch s {
	case ledger.Submitted:
		return "warn"
	case ledger.Approved, ledger.Dispatching:
		return "good"
	case ledger.Rejected, ledger.Expired:
		return "bad"
	}
	return ""
}

var approveWords = words{
	"plans.title":         {"Aprovar", "Approve"},
	"plans.lead":          {"Nada é enviado sem a aprovação de uma segunda pessoa.", "Nothing is sent without the approval of a second person."},
	"plans.none":          {"Nenhum plano proposto", "No plan was proposed"},
	"plans.none_proposed": {"O plano de hoje está pronto. O gestor o propõe na página Hoje; outra pessoa o aprova aqui.", "Today's plan is ready. The manager proposes it on the page Today; another person approves it here."},
	"plans.none_made":     {"Ainda não há plano. Rode o pipeline; depois o gestor propõe o plano na página Hoje.", "There is no plan yet. Run the pipeline; then the manager proposes the plan on the page Today."},
	"plans.to_today":      {"Ir para Hoje", "Go to Today"},
	"plans.waiting":       {"Esperando decisão", "Waiting for a decision"},
	"plans.in_force":      {"Em vigor", "In force"},
	"plans.ended":         {"Encerrados", "Ended"},
	"plans.none_waiting":  {"Nenhum plano espera decisão.", "No plan waits for a decision."},
	"plans.none_in_force": {"Nenhum plano está em vigor: nada está sendo enviado.", "No plan is in force: nothing is being sent."},

	"plan.title":       {"Plano", "Plan"},
	"plan.plan":        {"Plano", "Plan"},
	"plan.of":          {"Plano de %s", "Plan of %s"},
	"plan.by":          {"Proposto por %s em %s", "Made by %s on %s"},
	"plan.part_of":     {"parte de", "a part of"},
	"plan.state":       {"Situação", "State"},
	"plan.maker":       {"Proposto por", "Made by"},
	"plan.value":       {"Recuperação", "Recovery"},
	"plan.ends":        {"Vale até", "Good until"},
	"plan.ends_help":   {"fim da última janela de contato", "end of the last contact window"},
	"plan.customers":   {"para %s clientes", "to %s customers"},
	"plan.newer":       {"Há um plano mais novo, feito com dados mais novos. Confira antes de decidir sobre este.", "There is a newer plan, made with newer data. Look at it before you decide on this one."},
	"plan.other":       {"O plano do dia é outro, feito com os mesmos dados: este foi salvo de uma simulação, ou o do dia foi refeito. Compare os dois antes de decidir.", "The plan of the day is another, made with the same data: this one was saved from a simulation, or that of the day was made again. Compare the two before you decide."},
	"plan.reading":     {"Lendo as %s ações do plano. Você pode sair desta página e voltar.", "Reading the %s actions of the plan. You may leave this page and come back."},
	"plan.moved":       {"A situação do plano mudou enquanto você olhava:", "The plan's state changed while you were looking:"},
	"plan.moved_by":    {"por %s em %s.", "by %s on %s."},
	"plan.progress":    {"Andamento", "Progress"},
	"plan.approved_by": {"Aprovado por %s em %s", "Approved by %s on %s"},

	"plan.by_channel":   {"Por canal", "By channel"},
	"plan.by_segment":   {"Por segmento", "By segment"},
	"plan.by_day":       {"Por dia", "By day"},
	"plan.actions":      {"Ações, com o motivo de cada uma", "Actions, each with its reason"},
	"plan.found":        {"%s ações · custo %s · recuperação esperada %s", "%s actions · cost %s · expected recovery %s"},
	"plan.all":          {"Todos", "All"},
	"plan.segment":      {"Segmento", "Segment"},
	"plan.no_segment":   {"sem segmento", "no segment"},
	"plan.customer":     {"Cliente", "Customer"},
	"plan.order":        {"Ordem", "Order"},
	"plan.by_value":     {"maior recuperação", "most recovery"},
	"plan.by_day_order": {"dia e canal", "day and channel"},
	"plan.filter":       {"Filtrar", "Filter"},
	"plan.clear":        {"Limpar filtros", "Clear filters"},
	"plan.no_match":     {"Nenhuma ação com estes filtros.", "No action with these filters."},
	"plan.for":          {"por %s", "for %s"},
	"plan.beyond":       {"Rende %s além do preço do orçamento e do horário que ocupa", "Earns %s beyond the price of the budget and the slot it takes"},
	"plan.regua":        {"régua %s, versão %d", "ladder %s, version %d"},
	"plan.integrity":    {"Integridade", "Integrity"},
	"plan.hash_help":    {"A aprovação vale para exatamente estas ações. Se uma letra mudar, o código muda e a aprovação não vale.", "The approval is for exactly these actions. If one letter changes, the code changes and the approval does not hold."},

	"plan.draft":              {"Rascunho", "Draft"},
	"plan.draft_text":         {"Confira as ações abaixo e envie o plano para que outra pessoa decida.", "Check the actions below and hand the plan in, so that another person decides."},
	"plan.submit":             {"Enviar para aprovação", "Hand in for approval"},
	"plan.waiting_other":      {"Esperando outra pessoa", "Waiting for another person"},
	"plan.waiting_other_text": {"Você propôs este plano; quem propõe não aprova. Enquanto ninguém decide, você pode retirá-lo.", "You made this plan; who makes it does not approve it. While nobody has decided, you may withdraw it."},
	"plan.waiting_any":        {"O plano espera a decisão de um aprovador.", "The plan waits for an approver's decision."},
	"plan.withdraw":           {"Retirar o plano", "Withdraw the plan"},
	"plan.close":              {"Encerrar o plano", "Close the plan"},
	"plan.close_text":         {"O que ainda não foi entregue para envio é liberado de volta à carteira. O que já foi enviado não muda.", "What was not handed out yet is released to the wallet. What was sent does not change."},
	"plan.reason":             {"Motivo", "Reason"},
	"plan.reason_example":     {"conferido com a carteira de hoje", "checked against today's portfolio"},
	"plan.decide":             {"Decidir", "Decide"},
	"plan.decide_text":        {"Aprovar reserva o valor na carteira na mesma hora.", "To approve reserves the amount in the wallet at once."},
	"plan.extent":             {"O que aprovar", "What to approve"},
	"plan.whole":              {"o plano inteiro", "the whole plan"},
	"plan.only_part":          {"só uma parte", "only a part"},
	"plan.choose_part":        {"Escolher a parte", "Choose the part"},
	"plan.part_help":          {"Sem marcar canais ou segmentos, valem todos. A parte vira um plano próprio, e o resto fica sem efeito.", "With no channel or segment marked, all count. The part becomes a plan of its own, and the rest lapses."},
	"plan.most":               {"Gastar no máximo", "Spend at most"},
	"plan.most_help":          {"Ficam as ações com mais recuperação por real.", "The actions with the most recovery per real stay."},
	"plan.most_fault":         {"O valor máximo não é um valor como 1.000,00.", "The most to spend is not an amount like 1,000.00."},
	"plan.empty_part":         {"Nenhuma ação cabe nesta escolha.", "No action fits this choice."},
	"plan.wallet":             {"Carteira que paga", "Wallet that pays"},
	"plan.replaces":           {"Substituir planos em vigor (o que falta enviar é liberado antes)", "Replace plans in force (what is left to send is released first)"},
	"plan.compute":            {"Recalcular a reserva", "Compute the reservation"},
	"plan.reserves":           {"O que a aprovação reserva", "What the approval reserves"},
	"plan.would_send":         {"%s ações, com recuperação adicional esperada de %s.", "%s actions, with an expected additional recovery of %s."},
	"plan.reservation":        {"Reserva deste plano", "This plan's reservation"},
	"plan.left":               {"Fica disponível", "Left available"},
	"plan.not_enough":         {"A carteira não tem saldo: recarregue-a, escolha uma parte ou substitua um plano em vigor.", "The wallet has too little: top it up, choose a part, or replace a plan in force."},
	"plan.wrong_wallet":       {"Esta carteira é de créditos de outro canal e não paga por estes.", "This wallet holds credits of another channel and does not pay for these."},
	"plan.approve":            {"Aprovar e reservar %s", "Approve and reserve %s"},
	"plan.signs":              {"Você assina o código", "You sign the code"},
	"plan.reject":             {"Rejeitar o plano", "Reject the plan"},

	"state.draft":       {"rascunho", "draft"},
	"state.submitted":   {"esperando decisão", "waiting"},
	"state.approved":    {"aprovado", "approved"},
	"state.dispatching": {"em envio", "being sent"},
	"state.rejected":    {"rejeitado", "rejected"},
	"state.closed":      {"encerrado", "closed"},
	"state.superseded":  {"substituído", "superseded"},
	"state.expired":     {"vencido", "expired"},

	"dispatch.waiting":  {"na fila", "waiting"},
	"dispatch.leased":   {"com o disparador", "handed out"},
	"dispatch.sent":     {"enviada", "sent"},
	"dispatch.failed":   {"falhou", "failed"},
	"dispatch.withheld": {"retida", "withheld"},
	"dispatch.expired":  {"vencida", "expired"},

	"done.proposto":  {"Plano proposto. Outra pessoa pode aprová-lo agora.", "Plan proposed. Another person can approve it now."},
	"done.aprovado":  {"Plano aprovado e valor reservado na carteira.", "Plan approved and its amount reserved in the wallet."},
	"done.rejeitado": {"Plano rejeitado.", "Plan rejected."},
	"done.retirado":  {"Plano retirado.", "Plan withdrawn."},
	"done.encerrado": {"Plano encerrado; o que faltava enviar foi liberado.", "Plan closed; what was left to send was released."},
}
