package web

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"dunning/data"
	"dunning/serve"
	"dunning/serve/ledger"
)

// walletRoom is the wallet of credits: balance, reservations, statement, top-up.
func (s *Site) walletRoom() {
	readers := []serve.Role{serve.Manager, serve.Approver, serve.Auditor}
	s.add(page{pattern: "GET /carteira", title: "wallet.title", group: "group.today", icon: "wallet", roles: readers, do: walletsShow})
	s.add(page{pattern: "POST /carteira", title: "wallet.title", roles: []serve.Role{serve.Manager}, do: walletCreate})
	s.add(page{pattern: "GET /carteira/{wallet}", title: "wallet.title", roles: readers, do: walletShow})
	s.add(page{pattern: "POST /carteira/{wallet}/recarga", title: "wallet.title", roles: []serve.Role{serve.Manager}, do: walletTopUp})
}

// Units writes an amount of a wallet: money, or a number of contacts.
func (l Language) Units(c ledger.Currency, n ledger.Units) string {
	if c == ledger.BRL {
		return l.Money(data.Cents(n))
	}
	return l.Int(int64(n))
}

// walletPage shows one wallet, and the others to choose from.
type walletPage struct {
	Wallets      []ledger.Wallet
	Wallet       *ledger.Wallet
	Entries      []ledger.Entry
	Older        string // address of the next page, "" on the last
	Newest       bool
	Reservations []reservation
	Nonce        string // of the top-up's form
	Fault        string
	Amount       string // as it was written
	Reason       string
	Currencies   []ledger.Currency
}

// reservation is what a plan in force holds of a wallet.
type reservation struct {
	Plan     ledger.Plan
	Reserved ledger.Units // at the approval
	Open     ledger.Units // not sent and not released
}

// Bar is the share of the funding that a balance is.
func (p walletPage) Bar(n ledger.Units) float64 {
	return share(int64(n), int64(p.Wallet.Balances.Funding))
}

func walletsShow(v *visit) error {
	wallets, err := v.site.Ledger.Wallets(v.r.Context())
	if err != nil {
		return err
	}
	if id := preferred(wallets); id != "" {
		return v.walletPage(http.StatusOK, id, walletPage{})
	}
	if len(wallets) > 0 {
		return v.walletPage(http.StatusOK, wallets[0].ID, walletPage{})
	}
	return v.show("wallet", walletPage{Currencies: currencies()})
}

func walletShow(v *visit) error {
	return v.walletPage(http.StatusOK, v.r.PathValue("wallet"), walletPage{})
}

// currencies lists what a wallet can hold.
func currencies() []ledger.Currency {
	out := []ledger.Currency{ledger.BRL}
	for _, ch := range data.Channels {
		out = append(out, ledger.Credits(ch))
	}
	return out
}

// walletPage fills in and shows the page of a wallet.
func (v *visit) walletPage(status int, id string, out walletPage) error {
	w, err := v.site.Ledger.Wallet(v.r.Context(), id)
	if err != nil {
		return err
	}
	out.Wallet, out.Currencies = &w, currencies()
	if out.Wallets, err = v.site.Ledger.Wallets(v.r.Context()); err != nil {
		return err
	}
	before, err := strconv.ParseInt(v.r.URL.Query().Get("antes"), 10, 64)
	if err != nil || before < 0 {
		before = 0
	}
	out.Newest = before == 0
	if out.Entries, err = v.site.Ledger.EntriesBefore(v.r.Context(), id, before, rowsPerPage+1); err != nil {
		return err
	}
	if len(out.Entries) > rowsPerPage {
		out.Entries = out.Entries[:rowsPerPage]
		last := out.Entries[rowsPerPage-1].Seq
		out.Older = "/carteira/" + url.PathEscape(id) + "?antes=" + strconv.FormatInt(last, 10) + "#extrato"
	}
	if out.Reservations, err = v.reservations(id); err != nil {
		return err
	}
	var random [12]byte
	rand.Read(random[:])
	out.Nonce = hex.EncodeToString(random[:])
	return v.write(status, "wallet", out, v.page.title)
}

// reservations lists what plans in force hold of a wallet.
func (v *visit) reservations(walletID string) ([]reservation, error) {
	inForce, err := v.site.Ledger.Plans(v.r.Context(), ledger.Approved, ledger.Dispatching)
	if err != nil {
		return nil, err
	}
	var out []reservation
	for _, p := range inForce {
		approval, err := v.site.Ledger.Approval(v.r.Context(), p.ID)
		if err != nil {
			return nil, err
		}
		for _, e := range approval.Reserves {
			if e.WalletID != walletID {
				continue
			}
			open, err := v.site.Ledger.LeftOf(v.r.Context(), e.ID)
			if err != nil {
				return nil, err
			}
			out = append(out, reservation{Plan: p, Reserved: e.Amount, Open: open})
		}
	}
	return out, nil
}

// walletTopUp puts bought credits into a wallet. The form's nonce is the id of
// the entry: a form that is sent twice tops up once.
func walletTopUp(v *visit) error {
	id, form := v.r.PathValue("wallet"), v.r.PostForm
	w, err := v.site.Ledger.Wallet(v.r.Context(), id)
	if err != nil {
		return err
	}
	again := walletPage{Amount: form.Get("amount"), Reason: form.Get("reason")}
	amount, err := v.amount(w.Currency, form.Get("amount"))
	if err != nil || amount <= 0 || amount > ledger.MaxUnits {
		again.Fault = v.say("wallet.bad_amount")
		return v.walletPage(http.StatusBadRequest, id, again)
	}
	if strings.TrimSpace(again.Reason) == "" || len(again.Reason) > 2000 {
		again.Fault = v.say("wallet.bad_reason")
		return v.walletPage(http.StatusBadRequest, id, again)
	}
	if n := form.Get("nonce"); len(n) != 24 || strings.Trim(n, "0123456789abcdef") != "" {
		return fail(serve.CodeInvalid)
	}
	_, err = v.site.Ledger.TopUp(v.r.Context(), ledger.TopUpRequest{ID: "recarga-" + form.Get("nonce"), WalletID: id, Amount: amount, Actor: v.login(), Reason: again.Reason})
	if err != nil {
		return err
	}
	return v.redirect("/carteira/" + url.PathEscape(id) + "?feito=recarga")
}

// amount reads an amount of a wallet.
func (v *visit) amount(c ledger.Currency, text string) (ledger.Units, error) {
	if c == ledger.BRL {
		cents, err := v.lang.ParseMoney(text)
		return ledger.Units(cents), err
	}
	thousands, _ := v.lang.separators()
	n, err := strconv.ParseInt(strings.ReplaceAll(strings.TrimSpace(text), thousands, ""), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", errAmount, err)
	}
	return ledger.Units(n), nil
}

func walletCreate(v *visit) error {
	form := v.r.PostForm
	w, err := v.site.Ledger.CreateWallet(v.r.Context(), ledger.WalletRequest{ID: strings.TrimSpace(form.Get("id")),
		Currency: ledger.Currency(form.Get("currency")), Name: strings.TrimSpace(form.Get("name")), Actor: v.login()})
	if err != nil {
		return err
	}
	return v.redirect("/carteira/" + url.PathEscape(w.ID) + "?feito=carteira")
}

// entryClass is the colour of an entry's kind.
func entryClass(k ledger.EntryKind) string {
	switch k {
	case ledger.KindTopUp, ledger.KindRefund:
		return "good"
	case ledger.KindReserve:
		return "warn"
	case ledger.KindPost:
		return "live"
	}
	return ""
}

var walletWords = words{
	"wallet.title":        {"Carteira de créditos", "Wallet of credits"},
	"wallet.lead":         {"O orçamento pré-pago dos contatos. Cada real está disponível, reservado ou gasto; nada some.", "The prepaid budget of the contacts. Each real is available, reserved or spent; nothing gets lost."},
	"wallet.none":         {"Ainda não há carteira", "There is no wallet yet"},
	"wallet.none_text":    {"Crie a primeira, recarregue-a com o que foi comprado, e ela paga pelos planos aprovados.", "Make the first one, top it up with what was bought, and it pays for approved plans."},
	"wallet.others":       {"Carteiras", "Wallets"},
	"wallet.available":    {"Disponível", "Available"},
	"wallet.reserved":     {"Reservado", "Reserved"},
	"wallet.spent":        {"Gasto", "Spent"},
	"wallet.funding":      {"Comprado até hoje", "Bought so far"},
	"wallet.of_funding":   {"%s do comprado", "%s of what was bought"},
	"wallet.reservations": {"Reservas abertas", "Open reservations"},
	"wallet.no_reserves":  {"Nenhum plano em vigor reserva desta carteira.", "No plan in force reserves from this wallet."},
	"wallet.at_approval":  {"Na aprovação", "At the approval"},
	"wallet.open":         {"Ainda reservado", "Still reserved"},
	"wallet.statement":    {"Extrato", "Statement"},
	"wallet.newest_first": {"os mais novos primeiro", "the newest first"},
	"wallet.no_entries":   {"Nenhum movimento ainda. Recarregue a carteira para começar.", "No entries yet. Top the wallet up to begin."},
	"wallet.when":         {"Quando", "When"},
	"wallet.what":         {"Movimento", "Entry"},
	"wallet.who":          {"Quem e por quê", "Who and why"},
	"wallet.amount":       {"Valor", "Amount"},
	"wallet.after":        {"Disponível depois", "Available after"},
	"wallet.older":        {"Mais antigos", "Older"},
	"wallet.newest":       {"Voltar aos mais novos", "Back to the newest"},
	"wallet.top_up":       {"Recarregar", "Top up"},
	"wallet.top_up_help":  {"Registre o que foi comprado do fornecedor.", "Record what was bought from the provider."},
	"wallet.money":        {"Valor em reais", "Amount in reais"},
	"wallet.contacts":     {"Número de contatos", "Number of contacts"},
	"wallet.invoice":      {"Motivo ou nota fiscal", "Reason or invoice"},
	"wallet.invoice_ex":   {"NF 1234, fornecedor", "invoice 1234, provider"},
	"wallet.bad_amount":   {"Escreva um valor acima de zero, como 1.000,00.", "Write an amount above zero, like 1,000.00."},
	"wallet.bad_reason":   {"Escreva o motivo da recarga.", "Write the reason of the top-up."},
	"wallet.new":          {"Nova carteira", "New wallet"},
	"wallet.id":           {"Código", "Code"},
	"wallet.id_help":      {"Curto, sem espaços nem barras. Não muda depois.", "Short, without spaces or slashes. It does not change later."},
	"wallet.name":         {"Nome", "Name"},
	"wallet.holds":        {"O que guarda", "What it holds"},
	"wallet.holds_money":  {"dinheiro (R$), para todos os canais", "money (R$), for all channels"},
	"wallet.holds_of":     {"créditos de %s", "credits of %s"},
	"wallet.create":       {"Criar carteira", "Make the wallet"},

	"kind.top_up":  {"recarga", "top-up"},
	"kind.reserve": {"reserva", "reservation"},
	"kind.post":    {"envio", "sent"},
	"kind.release": {"liberação", "release"},
	"kind.refund":  {"devolução", "refund"},

	"done.recarga":  {"Recarga registrada.", "Top-up recorded."},
	"done.carteira": {"Carteira criada.", "Wallet made."},
}
