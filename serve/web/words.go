package web

import (
	"fmt"

	"dunning/data"
)

// words are texts in both languages by key: Portuguese, then English. A text
// may have verbs of package fmt.
type words map[string][2]string

// vocabulary lists the words of all rooms. A key belongs to one room: its first
// part is the room's name.
var vocabulary = []words{baseWords, doorWords, oidcWords, todayWords, approveWords, walletWords, peopleWords, budgetWords, indicatorWords, forecastWords, segmentWords, areaWords, customerWords, modelWords, reguaWords}

// book is all of vocabulary in one map.
type book map[string][2]string

// newBook joins the rooms' words. A key of two rooms is an error.
func newBook() (book, error) {
	b := book{}
	for _, room := range vocabulary {
		for key, texts := range room {
			if _, twice := b[key]; twice {
				return nil, fmt.Errorf("web: two rooms have the word %q", key)
			}
			b[key] = texts
		}
	}
	return b, nil
}

// has tells whether a key has words.
func (b book) has(key string) bool {
	_, ok := b[key]
	return ok
}

// say returns the text of a key with its arguments filled in. A key that nobody
// wrote is shown as it is; a test finds it.
func (b book) say(l Language, key string, args ...any) string {
	texts, ok := b[key]
	if !ok {
		return "[" + key + "]"
	}
	text := texts[0]
	if l == English {
		text = texts[1]
	}
	if len(args) == 0 {
		return text
	}
	return fmt.Sprintf(text, args...)
}

// channelWords names channels in English; data.Channel speaks Portuguese.
var channelWords = map[data.Channel]string{data.Hold: "no contact", data.Email: "e-mail", data.SMS: "SMS", data.WhatsApp: "WhatsApp", data.Voice: "voice call", data.Letter: "letter"}

// Channel names a channel.
func (l Language) Channel(c data.Channel) string {
	if l == English {
		if word, ok := channelWords[c]; ok {
			return word
		}
	}
	return c.Portuguese()
}

// baseWords are those of the frame around all pages, and of what goes wrong.
var baseWords = words{
	"skip":          {"Ir para o conteúdo", "Skip to the content"},
	"brand.claim":   {"Cobrança que se paga", "Collections that pay"},
	"menu":          {"Menu principal", "Main menu"},
	"menu.settings": {"Preferências", "Preferences"},
	"menu.leave":    {"Sair", "Sign out"},
	"menu.theme":    {"Aparência", "Appearance"},
	"theme.auto":    {"Automática", "Automatic"},
	"theme.light":   {"Clara", "Light"},
	"theme.dark":    {"Escura", "Dark"},
	"menu.language": {"Idioma", "Language"},
	"group.today":   {"Decidir", "Decide"},
	"group.analyse": {"Analisar", "Analyse"},
	"group.admin":   {"Administrar", "Administer"},

	"role.scientist":  {"cientista de dados", "data scientist"},
	"role.manager":    {"gestor", "manager"},
	"role.approver":   {"aprovador", "approver"},
	"role.dispatcher": {"disparador", "dispatcher"},
	"role.auditor":    {"auditor", "auditor"},
	"role.admin":      {"administrador", "administrator"},

	"table.made":  {"De que é feito", "What it is made of"},
	"table.show":  {"Ver como tabela", "Show as a table"},
	"table.total": {"Total", "Total"},
	"none":        {"–", "–"},
	"page.of":     {"%s a %s de %s", "%s to %s of %s"},
	"page.next":   {"Próxima", "Next"},
	"page.back":   {"Anterior", "Previous"},
	"page.pages":  {"Páginas", "Pages"},
	"working":     {"Calculando…", "Working…"},

	"lost.title": {"O servidor não respondeu", "The server did not answer"},
	"lost.text":  {"Nada foi alterado na tela. Verifique a conexão e tente de novo; o que você já confirmou está guardado.", "Nothing on the screen was changed. Check the connection and try again; what you confirmed is safe."},
	"lost.again": {"Tentar de novo", "Try again"},

	"error.title":             {"Não foi possível concluir", "This could not be done"},
	"error.back":              {"Voltar para Hoje", "Back to Today"},
	"error.invalid":           {"O pedido não está completo ou tem um valor que não faz sentido. Volte, confira os campos e envie de novo.", "The request is incomplete or has a value that makes no sense. Go back, check the fields and send again."},
	"error.forbidden":         {"Seu perfil não permite esta ação. Se precisar dela, peça ao administrador.", "Your role does not allow this. If you need it, ask the administrator."},
	"error.not_found":         {"Esta página não existe, ou o que ela mostrava foi substituído.", "This page does not exist, or what it showed was replaced."},
	"error.conflict":          {"Outra pessoa mudou isto enquanto você olhava. Nada do seu pedido foi feito. Recarregue a página e decida de novo.", "Somebody else changed this while you were looking. Nothing of your request was done. Reload the page and decide again."},
	"error.approver_is_maker": {"Quem propôs o plano não pode aprová-lo nem rejeitá-lo. Outra pessoa precisa decidir.", "Who made the plan can neither approve nor reject it. Another person has to decide."},
	"error.wrong_state":       {"O plano mudou de situação enquanto você olhava (foi decidido, substituído ou encerrado). Nada do seu pedido foi feito.", "The plan's state changed while you were looking (decided, superseded or closed). Nothing of your request was done."},
	"error.hash_mismatch":     {"As ações do plano não são as que você viu. Nada foi aprovado. Recarregue a página e confira o plano de novo.", "The plan's actions are not the ones you saw. Nothing was approved. Reload the page and check the plan again."},
	"error.insufficient":      {"A carteira não tem saldo para esta reserva. Recarregue a carteira ou aprove uma parte do plano.", "The wallet has too little for this reservation. Top it up, or approve a part of the plan."},
	"error.refused":           {"Uma regra do sistema impede esta operação. Nada foi feito.", "A rule of the system forbids this. Nothing was done."},
	"error.too_large":         {"O que foi enviado é grande demais.", "What was sent is too large."},
	"error.unavailable":       {"Ainda não há dados para mostrar aqui. Rode o pipeline e volte.", "There is nothing to show here yet. Run the pipeline and come back."},
	"error.making":            {"O relatório desta área ainda está sendo feito: é feito uma vez por extração, em até alguns minutos, e segue mesmo se você sair. Nada foi baixado. Volte para a página da área, que avisa quando estiver pronto, e baixe de novo.", "The report of this area is still being made: once for each extraction, within a few minutes, and it goes on if you leave. Nothing was downloaded. Go back to the page of the area, which says when it is ready, and download again."},
	"error.to_page":           {"Voltar para a página", "Back to the page"},
	"error.internal":          {"Algo deu errado no servidor. Nada se perdeu do que já estava confirmado. Tente de novo; se repetir, informe o código abaixo ao suporte.", "Something went wrong in the server. Nothing that was confirmed is lost. Try again; if it happens again, give support the code below."},
	"error.form":              {"Este formulário ficou velho ou veio de outra página. Nada foi feito. Recarregue a página e envie de novo.", "This form is too old or came from another page. Nothing was done. Reload the page and send it again."},
	"error.id":                {"Código do pedido: %s", "Request code: %s"},
	"error.reload":            {"Recarregar a página", "Reload the page"},
}
