package web

var segmentWords = words{
	"seg.tab":       {"Segmentos", "Segments"},
	"seg.title":     {"Indicadores por segmento", "Indicators by segment"},
	"seg.lead":      {"Posição em %s e os %s meses antes. O segmento é o de hoje: quem mudou leva consigo o seu passado.", "As of %s and the %s months before. The segment is today's: who moved takes his past along."},
	"seg.missing":   {"Este dia não tem indicadores por segmento", "This day has no indicators by segment"},
	"seg.all":       {"Segmentos lado a lado", "Segments side by side"},
	"seg.aging":     {"Faixas de atraso por segmento", "Classes of age by segment"},
	"seg.aging_alt": {"Barras empilhadas da parte do saldo em cada faixa de atraso; a maior parte vencida é a de %s, com %s.", "Stacked bars of the share of the balance in each class of age; the largest overdue share is that of %s, %s."},
	"seg.back":      {"Todos os segmentos", "All segments"},
	"seg.forecast":  {"Previsão deste segmento", "This segment's forecast"},
}
