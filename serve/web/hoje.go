package web

// todayRoom is the page that the manager opens each morning.
func (s *Site) todayRoom() {
	s.add(page{pattern: "GET " + home, title: "today.title", group: "group.today", icon: "today", roles: everybody, do: todayShow})
}

func todayShow(v *visit) error {
	return v.show("today", nil)
}

var todayWords = words{
	"today.title": {"Hoje", "Today"},
	"today.none":  {"Ainda não há plano", "There is no plan yet"},
	"today.none_text": {"O plano do dia é feito pelo pipeline: ele lê os dados, estima quem paga e quanto cada contato traz a mais, e escolhe os contatos dentro do orçamento e da lei.",
		"The plan of the day is made by the pipeline: it reads the data, estimates who pays and what each contact adds, and chooses the contacts within the budget and the law."},
}
