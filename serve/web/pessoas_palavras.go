package web

import (
	"errors"

	"dunning/serve/accounts"
)

// peopleFault says in words why a change of people was refused.
func (v *visit) peopleFault(err error) string {
	for _, f := range []struct {
		err error
		key string
	}{{accounts.ErrLogin, "invite.bad_login"}, {accounts.ErrName, "invite.bad_name"}, {accounts.ErrRoles, "people.no_role"},
		{accounts.ErrLastAdmin, "people.last_admin"}, {accounts.ErrUnknown, "people.unknown"}} {
		if errors.Is(err, f.err) {
			return v.say(f.key)
		}
	}
	v.site.config.Log.Error("people", "error", err)
	return v.say("people.failed")
}

var peopleWords = words{
	"people.title":       {"Pessoas", "People"},
	"people.lead":        {"Quem entra, e o que pode fazer. As mudanças valem na mesma hora.", "Who comes in, and what they may do. Changes hold at once."},
	"people.list":        {"Quem tem acesso", "Who has access"},
	"people.login":       {"Login", "Login"},
	"people.name":        {"Nome", "Name"},
	"people.roles":       {"Perfis", "Roles"},
	"people.since":       {"Desde", "Since"},
	"people.access":      {"Acesso", "Access"},
	"people.save":        {"Salvar perfis", "Save roles"},
	"people.disable":     {"Bloquear", "Keep out"},
	"people.enable":      {"Liberar", "Let in"},
	"people.logout":      {"Encerrar sessões", "End sessions"},
	"people.disabled":    {"bloqueado", "kept out"},
	"people.active":      {"ativo", "active"},
	"people.invite":      {"Convidar", "Invite"},
	"people.invite_help": {"O convite é um link de uso único, válido por 24 horas. Com o login de quem já tem acesso, ele serve para escolher uma nova senha.", "The invitation is a one-time link, good for 24 hours. With the login of somebody who has access, it lets him choose a new password."},
	"people.link":        {"Link de %s: copie agora, ele não aparece de novo.", "Link of %s: copy it now, it is not shown again."},
	"people.link_open":   {"quem o receber", "whoever gets it"},
	"people.make":        {"Criar link", "Make the link"},
	"people.no_role":     {"Escolha ao menos um perfil.", "Choose one role at least."},
	"people.last_admin":  {"Este é o último administrador: alguém precisa poder dar acesso aos outros.", "This is the last administrator: somebody must be able to let others in."},
	"people.unknown":     {"Não há ninguém com este login.", "Nobody has this login."},
	"people.failed":      {"Não foi possível mudar. Tente de novo.", "The change failed. Try again."},

	"done.perfis": {"Perfis salvos.", "Roles saved."},
	"done.acesso": {"Acesso alterado.", "Access changed."},
}
