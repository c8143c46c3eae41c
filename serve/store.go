package serve

import (
	"context"

	"dunning/data"
)

// Store is where the API reads. Its values are immutable versions: what a
// handler holds stays whole while a new version takes its place.
type Store interface {
	// Scores returns the table in force, nil when none was loaded yet.
	Scores() *Scores
	// LatestPlan returns the plan of the latest day, nil when none was loaded.
	LatestPlan() *Plan
	// Plan returns the plan of a day. The error is an *Error with
	// CodeNotFound, or CodeUnavailable for a damaged one.
	Plan(ctx context.Context, asOf data.Date) (*Plan, error)
	// Model returns the model in force, nil when none was loaded yet.
	Model() Model
	// Portfolio returns what the lake knows of the customers, nil when it was
	// not loaded yet.
	Portfolio() *Portfolio
	// Status tells of each part what is loaded and what could not be.
	Status() Status
}

// State of a part of the store.
type State string

// The states. Damaged means that a newer version was refused; where a version
// is named, that older one is being served.
const (
	Absent  State = "absent"
	Loaded  State = "loaded"
	Damaged State = "damaged"
)

// PartStatus tells what is loaded of one part.
type PartStatus struct {
	State   State      `json:"state" enum:"absent,loaded,damaged" doc:"damaged: a newer version was refused; the version named here, if any, is served instead."`
	AsOf    *data.Date `json:"as_of,omitempty" doc:"The day of the version served."`
	Version string     `json:"version,omitempty" doc:"What is served: SHA-256 of the file, or the model's version."`
	Rows    int        `json:"rows" doc:"Customers scored, actions planned, features of the model, or customers of the lake."`
	PlanID  string     `json:"plan_id,omitempty"`
}

// Status tells what the store serves.
type Status struct {
	Scores PartStatus
	Plan   PartStatus
	Model  PartStatus

	Portfolio PartStatus
}

// Model scores feature rows. It is immutable and safe for concurrent use.
type Model interface {
	// Info describes the model.
	Info() ModelInfo
	// Score returns predictions for rows given as columns: cols[j][i] is the
	// value of names[j] in row i, NaN for unknown. Columns that the model does
	// not read are ignored; one that it lacks is an error that wraps
	// ErrMissingColumn.
	Score(names []string, cols [][]float32) (Predictions, error)
}

// ModelInfo describes a model to its users.
type ModelInfo struct {
	Version               string         `json:"version" doc:"Version of the artefact in the registry."`
	FeaturesSchemaVersion int            `json:"features_schema_version" doc:"Version of the feature tables the model reads."`
	TrainedAsOf           *data.Date     `json:"trained_as_of,omitempty" doc:"Last day that the training data knew."`
	HorizonDays           int            `json:"horizon_days,omitempty" doc:"pay_prob is the probability of payment within this many days."`
	Features              []string       `json:"features" doc:"Columns that a batch of rows must hold."`
	Channels              []data.Channel `json:"channels" doc:"Channels with an uplift model."`
	// Categories are the words behind coded columns, by list; a code is the
	// position of the word.
	Categories map[string][]string `json:"categories,omitempty" doc:"Words behind coded columns; a code is the position of the word, from 0."`
}

// Predictions are columns, one entry per row.
type Predictions struct {
	PayProb []float64 // nil where the artefact has no such model
	// Uplift holds, by the index of the channel in data.Channels, the uplift in
	// probability; nil where the model covers no such channel.
	Uplift [len(data.Channels)][]float64
}

// OpenModel loads and verifies the artefact in a folder.
type OpenModel func(dir string) (Model, error)

// Nothing is the store of somebody who only keeps the ledger: nothing is loaded.
type Nothing struct{}

// Scores returns nil.
func (Nothing) Scores() *Scores { return nil }

// LatestPlan returns nil.
func (Nothing) LatestPlan() *Plan { return nil }

// Plan returns that there is none.
func (Nothing) Plan(_ context.Context, asOf data.Date) (*Plan, error) {
	return nil, fail(CodeNotFound, "there is no plan of %s", asOf)
}

// Model returns nil.
func (Nothing) Model() Model { return nil }

// Portfolio returns nil.
func (Nothing) Portfolio() *Portfolio { return nil }

// Status says that nothing is there.
func (Nothing) Status() Status {
	none := PartStatus{State: Absent}
	return Status{Scores: none, Plan: none, Model: none, Portfolio: none}
}
