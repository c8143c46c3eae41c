package web

var segmentWords = words{
	"seg.tab":           {"Segmentos", "Segments"},
	"seg.title":         {"Indicadores por segmento", "Indicators by segment"},
	"seg.lead":          {"Posição em %s e os %s meses antes. O segmento é o de hoje: quem mudou leva consigo o seu passado.", "As of %s and the %s months before. The segment is today's: who moved takes his past along."},
	"seg.missing":       {"Este dia não tem indicadores por segmento", "This day has no indicators by segment"},
	"seg.all":           {"Segmentos lado a lado", "Segments side by side"},
	"seg.aging":         {"Faixas de atraso por segmento", "Classes of age by segment"},
	"seg.aging_alt":     {"Barras empilhadas da parte do saldo em cada faixa de atraso; a maior parte vencida é a de %s, com %s.", "Stacked bars of the share of the balance in each class of age; the largest overdue share is that of %s, %s."},
	"seg.how":           {"Como se calcula", "How it is reckoned"},
	"seg.sum":           {"Conta", "Sum"},
	"seg.how_customers": {"clientes que hoje estão neste segmento", "customers who are in this segment today"},
	"seg.how_open":      {"os que têm título emitido e não pago em %s", "those with an invoice issued and not paid on %s"},
	"seg.how_overdue":   {"os que têm título com um dia de atraso ou mais em %s", "those with an invoice one day late or more on %s"},
	"seg.how_billed":    {"títulos emitidos por eles de %s a %s, pagos ou não", "invoices issued to them from %s to %s, paid or not"},
	"seg.how_collected": {"pagamentos deles de %s a %s", "their payments from %s to %s"},
	"seg.how_dso":       {"%s a receber ÷ %s faturados × %s dias", "%s receivable ÷ %s billed × %s days"},
	"seg.how_cei":       {"(saldo no começo + %s faturados ÷ %s meses − %s no fim) ÷ (o mesmo, com %s a vencer no fim) × 100", "(balance at the beginning + %s billed ÷ %s months − %s at the end) ÷ (the same, with %s current at the end) × 100"},
	"seg.how_cure":      {"em atraso no começo de um mês e em dia no seu fim ÷ em atraso no começo, somados os %s meses", "late at the beginning of a month and not at its end ÷ late at the beginning, over all %s months"},
	"seg.back":          {"Todos os segmentos", "All segments"},
	"seg.forecast":      {"Previsão deste segmento", "This segment's forecast"},
}
