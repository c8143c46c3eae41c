package pipeline

import (
	"path/filepath"
	"testing"

	"dunning/data"
)

// writeDecided makes the output of a plan with some decisions.
func writeDecided(t *testing.T, home, day string, rows []Decision) {
	t.Helper()
	dir := filepath.Join(home, "plans", day)
	must(t, makeDir(dir))
	file, err := data.Write(filepath.Join(dir, DecisionsFile), rows)
	must(t, err)
	file.Name = DecisionsFile
	must(t, data.WriteManifest(dir, data.Manifest{SchemaVersion: data.SchemaVersion, Stage: "optimize", Files: []data.File{file}}))
}

// That somebody was left alone is a decision with a probability, once something of
// its plan was sent: the next extract has it beside the touches.
func TestExtractReadsWhomPlansLeftAlone(t *testing.T) {
	home, config := writeHome(t, sourceFiles())
	day := func(text string) data.Date {
		d, err := data.ParseDate(text)
		must(t, err)
		return d
	}
	held := Decision{PlanID: "p1", CustomerID: "C1", Day: day("2025-03-01"), Step: 1, Planned: data.SMS, Option: data.Hold, ProbHold: 0.3, ProbSMS: 0.7}
	sent, later, sure := held, held, held
	sent.CustomerID, sent.Option = "C2", data.SMS
	later.Step, later.Day = 2, day("2025-03-09")
	sure.CustomerID, sure.ProbHold = "C3", 1
	writeDecided(t, home, "2025-03-01", []Decision{held, sent, later, sure})
	held.PlanID = "p2"
	writeDecided(t, home, "2025-03-02", []Decision{held})

	before, err := extract(home, config)
	must(t, err)
	writeEvents(t, home, map[string]string{"touches/2025-03-01": "touch_id,customer_id,channel,sent_at,cost_cents,template,plan_id,treat_prob\nA1,C2,sms,2025-03-01T12:00:00.000000Z,9,lembrete,p1,0.7\n"})
	after, err := extract(home, config)
	must(t, err)
	if before.Manifest.Key == after.Manifest.Key {
		t.Error("what was decided does not count")
	}
	var holds []data.Touch
	for _, v := range readTable[data.Touch](t, after, "touches") {
		if v.Channel == data.Hold && v.PlanID != "" {
			holds = append(holds, v)
		}
	}
	if len(holds) != 1 || holds[0].CustomerID != "C1" || data.DateOf(holds[0].SentAt) != day("2025-03-01") || holds[0].TreatProb == nil || *holds[0].TreatProb != 0.3 ||
		holds[0].PlanID != "p1" || holds[0].CostCents != 0 {
		t.Errorf("%+v", holds)
	}
}
