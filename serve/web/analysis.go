package web

import (
	"context"
	"time"

	"dunning/data"
	"dunning/serve/whatif"
)

// Analysis is where the rooms of analysis get what they show. What is nil is
// said to be missing, on the page that wants it.
type Analysis struct {
	WhatIf    WhatIf
	Reports   Reports
	Histories Histories
	Models    Models
	// Behaviours is how customers behave; nil says that there is no history.
	Behaviours Behaviours
	// MakeDraft makes a whole plan with other limits and puts it into the ledger
	// as a draft of the maker's; it takes as long as a plan takes.
	MakeDraft func(ctx context.Context, maker string, asOf data.Date, wish whatif.Wish) (planID string, err error)
}

// WhatIf answers what a plan would be with other limits; [whatif.Engine] does.
type WhatIf interface {
	Status() whatif.Status
	Answer(ctx context.Context, person string, wish whatif.Wish) (*whatif.Answer, error)
}

// Reports are what the pipeline computed once and left for people.
type Reports interface {
	// Days lists the days with a report, the latest first.
	Days() ([]data.Date, error)
	// Report returns the report of a day. The error wraps fs.ErrNotExist where
	// there is none.
	Report(day data.Date) (*Report, error)
}

// Histories are what the lake knows of single customers.
type Histories interface {
	// History returns one customer's past; nil where the lake does not know him.
	History(ctx context.Context, customerID string) (*History, error)
	// Similar lists ids that begin with a text, in their order, at most so many.
	Similar(ctx context.Context, prefix string, most int) ([]string, error)
}

// History is one customer's past as the lake has it, the latest first.
type History struct {
	Customer data.Customer
	Invoices []InvoiceHistory
	Touches  []TouchHistory
	Promises []data.Promise
}

// InvoiceHistory is an invoice with what was paid on it.
type InvoiceHistory struct {
	data.Invoice
	Payments  []data.Payment
	PaidCents data.Cents
}

// TouchHistory is a touch with what happened to it.
type TouchHistory struct {
	data.Touch
	Events []data.TouchEvent // in their order
}

// Models are the versions of the models and what may be done with them.
type Models interface {
	// Versions lists the versions, the one trained last first.
	Versions(ctx context.Context) ([]ModelVersion, error)
	// Version returns one by its id; nil where there is none.
	Version(ctx context.Context, id string) (*ModelDetail, error)
	// Deeds lists who did what to which version, the latest first.
	Deeds(ctx context.Context) ([]ModelDeed, error)
	// Gate says whether a version may be put into force, check by check.
	Gate(ctx context.Context, id string) (*GateVerdict, error)
	// Promote puts a version into force where the gate lets it pass; otherwise
	// the error wraps data.ErrRefused and the verdict, if any, says why.
	Promote(ctx context.Context, id, by, why string) (*GateVerdict, error)
	// Rollback withdraws the version in force and puts the one before it back.
	Rollback(ctx context.Context, by, why string) (from, to string, err error)
}

// ModelVersion is a version as a list shows it.
type ModelVersion struct {
	ID           string
	Alias        string // champion, challenger or ""
	AsOf         data.Date
	RegisteredAt time.Time
	RegisteredBy string
	AUC, LogLoss *float64
	BaseLogLoss  *float64 // of the trailing base rate
	Alarms       int
}

// ModelDetail is a version with what its training found out.
type ModelDetail struct {
	ModelVersion
	Seed        uint64
	ConfigHash  string
	CodeHash    string
	FeatureHash string
	DataHashes  map[string]string // by stage
	Card        string            // the model card, in Markdown
	Evaluation  *data.Evaluation
	Uplift      []data.UpliftFigures
	Health      *data.ModelHealth
}

// ModelDeed is a line of the journal.
type ModelDeed struct {
	At                time.Time
	Deed              string // register, promote, rollback or refuse
	Version, Previous string
	By, Why           string
}

// GateVerdict is what the gate says of a version.
type GateVerdict struct {
	Version, Champion string
	OK                bool
	Checks            []GateCheck
}

// GateCheck is one thing that a version must pass.
type GateCheck struct {
	Name   string
	OK     bool
	Figure *float64
	Limit  *float64
	Text   string
}
