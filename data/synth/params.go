package synth

import (
	"math"

	"dunning/data"
)

// The parameters of the process, all in one place. docs/SIMULATOR.md has the
// equations they belong to. They were chosen so that the magnitudes which the
// tests state come out: they describe no real portfolio.

const (
	channels = len(data.Channels)
	nTypes   = 6
	nLevels  = 5
	nStages  = 5

	windowDays  = 7  // the effect window of truth: [day, day+7)
	organicDays = 14 // how far the organic curve reaches
	planDays    = 7  // touch days that asof.parquet judges
	viewDays    = organicDays + planDays - 1

	halfLifeDays  = 2.5  // of the effect of a touch
	fatigueDays   = 10.0 // time constant of the recovery from recent touches
	fatigueFactor = 0.45 // log damping per touch in the load
	effectFloor   = 1e-3 // effects below it are zero from then on

	partialMean     = 0.5 // partial payments are uniform on (0.2, 0.8) of what is open
	disputeShare    = 0.008
	disputeFactor   = 0.05 // hazard of a disputed invoice
	agreementFactor = 0.35 // hazard between the instalment days of an agreement
	agreementPeak   = 3.0  // hazard around the instalment days
	agreementOffer  = 0.45 // P(the caller offers instalments | promise by voice)
	agreementStage  = 30   // days past due from which an invoice can be agreed

	suspendDays  = 60  // no new invoices while one is later than this
	writeOffDays = 180 // written off at the review after this
)

// Positions in data.Channels, for tables.
const (
	email = iota
	sms
	whatsApp
	voice
	letter
)

// responseType is a way of answering to touches: channel multipliers that
// come together, since a person who likes one channel dislikes another.
type responseType struct {
	name    string
	share   float64           // in the population, before traits tilt it
	mult    [channels]float64 // of channelEffect
	payday  float64           // relative gain of a touch close to payday
	promise float64           // log hazard ratio while a promise runs
	talk    float64           // multiplier of P(promise)
}

var responseTypes = [nTypes]responseType{
	{"digital", .29, [channels]float64{1.4, 1.3, 1.5, .4, .1}, .5, .7, 1.0},
	{"phone", .19, [channels]float64{.3, .5, .6, 2.0, .4}, .3, 1.0, 1.5},
	{"formal", .10, [channels]float64{.6, .2, -.2, .8, 2.0}, .0, .5, .8},
	{"indifferent", .21, [channels]float64{}, .0, .0, .8},
	{"reactant", .12, [channels]float64{-.7, -1.0, -1.2, -1.3, -.3}, .0, .0, .3},
	{"allround", .09, [channels]float64{.9, .9, .9, .9, .9}, 1.0, .8, 1.2},
}

// channelEffect is the log hazard ratio of a delivered touch on its first day,
// for a multiplier, a stage factor and a day factor of one and no fatigue.
var channelEffect = [channels]float64{.45, .54, .70, 1.30, 1.20}

// channelLag is the days until a touch can work: a letter travels.
var channelLag = [channels]int{letter: 3}

// deliverProb is P(delivered) where a valid address is on file; for voice it
// is P(the right person answers). unreachableProb holds where there is none.
var deliverProb = [channels]float64{.93, .95, .90, .55, .94}

const unreachableProb = 0.05

// stageFactor scales effects by the invoice's days past due at the touch:
// before -7, -7…-1, 0…5, 6…30, over 30.
var stageFactor = [channels][nStages]float64{
	{.3, 1.0, 1.0, .6, .3},
	{.3, 1.0, 1.2, .8, .4},
	{.2, .8, 1.2, 1.0, .6},
	{.2, .3, .9, 1.3, 1.1},
	{.0, .1, .4, .9, 1.3},
}

// stageOf returns the dunning stage of an invoice that many days past due.
func stageOf(daysPastDue int) int {
	switch {
	case daysPastDue < -7:
		return 0
	case daysPastDue < 0:
		return 1
	case daysPastDue <= 5:
		return 2
	case daysPastDue <= 30:
		return 3
	}
	return 4
}

// promiseProb is P(promise | delivered) for type multiplier and liquidity one.
var promiseProb = [channels]float64{whatsApp: .10, voice: .28}

// promiseDays are the days until a promise falls due, equally likely.
var promiseDays = [...]int{2, 4, 6}

// openProb is P(opened | delivered) for a multiplier of zero, on the logit
// scale, and openSlope what a multiplier of one adds.
var (
	openLogit = [channels]float64{-.9, .8, 1.1, math.Inf(-1), math.Inf(-1)}
	openSlope = 0.7
)

// complainProb is P(complained | delivered) by type: reactants more.
var complainProb = [nTypes]float64{.0015, .0015, .0015, .002, .03, .001}

// Liquidity levels: hazard multipliers, population shares, and the order that
// observed traits tilt.
var (
	levelNames  = [nLevels]string{"none", "tight", "thin", "fair", "ample"}
	levelHazard = [nLevels]float64{.07, .3, .75, 1.4, 2.6}
	levelShare  = [nLevels]float64{.035, .11, .27, .385, .20}
	levelTilt   = [nLevels]float64{-2, -1.2, -.4, .4, 1}
	levelTalk   = [nLevels]float64{.6, .9, 1.1, 1.1, 1.0} // multiplier of P(promise)
	levelScore  = [nLevels]float64{330, 420, 500, 590, 670}
	levelMarks  = [nLevels]float64{2.2, 1.1, .4, .15, .05} // mean negative records
)

const scoreNoise = 95.0 // standard deviation of a bureau score about its level

// baseHazard is the daily hazard of an invoice by its days past due, for a
// liquidity of one, an ordinary day and an amount equal to the capacity.
func baseHazard(daysPastDue int) float64 {
	switch {
	case daysPastDue < -10:
		return .005
	case daysPastDue < -3:
		return .018
	case daysPastDue < 0:
		return .036
	case daysPastDue == 0:
		return .24
	case daysPastDue == 1:
		return .20
	case daysPastDue <= 5:
		return .12
	case daysPastDue <= 15:
		return .10
	case daysPastDue <= 30:
		return .09
	case daysPastDue <= 60:
		return .08
	case daysPastDue <= 90:
		return .05
	}
	return .03
}

// capacityExponent says how the hazard falls with amount over capacity.
const capacityExponent = -0.25

// uf is a federative unit of the simulation.
type uf struct {
	name     string
	share    float64
	timezone string
	offset   int     // hours east of UTC; Brazil has had no daylight saving since 2019
	tilt     float64 // log hazard
	phone    float64 // log odds of the phone type
}

var ufs = [...]uf{
	{"SP", .30, "America/Sao_Paulo", -3, .05, -.2},
	{"MG", .11, "America/Sao_Paulo", -3, .04, .1},
	{"RJ", .10, "America/Sao_Paulo", -3, -.06, -.1},
	{"BA", .08, "America/Bahia", -3, -.05, .3},
	{"PR", .07, "America/Sao_Paulo", -3, .06, 0},
	{"RS", .07, "America/Sao_Paulo", -3, .05, 0},
	{"PE", .06, "America/Recife", -3, -.05, .3},
	{"CE", .05, "America/Fortaleza", -3, -.04, .3},
	{"ES", .04, "America/Sao_Paulo", -3, 0, 0},
	{"AL", .03, "America/Maceio", -3, -.06, .4},
	{"MT", .04, "America/Cuiaba", -4, .03, .1},
	{"AM", .03, "America/Manaus", -4, -.08, .2},
	{"AC", .02, "America/Rio_Branco", -5, -.05, .3},
}

// segment is the company's own grouping.
type segment struct {
	name     string
	pj       bool
	share    float64 // among its kind
	median   float64 // of a customer's usual invoice, in cents
	spread   float64 // sigma of its logarithm
	capacity float64 // usual amount a customer without a limit can carry, in cents
	tilt     float64 // observed score towards liquidity
	digital  float64 // log odds of the digital type
}

var segments = [...]segment{
	{"essencial", false, .50, 14_000, .50, 40_000, -.30, -.2},
	{"varejo", false, .35, 24_000, .60, 80_000, .05, .2},
	{"premium", false, .15, 60_000, .70, 250_000, .50, .5},
	{"pequena", true, .60, 70_000, .80, 250_000, -.10, .1},
	{"media", true, .30, 220_000, .90, 800_000, .15, -.2},
	{"corporativa", true, .10, 900_000, 1.00, 4_000_000, .40, -.5},
}

// product is what an invoice was written for.
type product struct {
	name  string
	tilt  float64 // log hazard
	terms []int   // days from issue to due
}

var (
	subscription = product{"assinatura", .10, []int{10, 12, 15}}
	instalment   = product{"parcela", 0, []int{15, 20}}
	purchase     = product{"compra", -.05, []int{15, 21, 30}}
	contract     = product{"contrato", .10, []int{15, 20}}
	trade        = product{"faturado", 0, []int{14, 21, 28, 35}}
)

// Products of invoices that the creditor writes in place of another.
const (
	renegotiated = "renegociacao" // the old invoice was cancelled unpaid
	reopened     = "reabertura"   // the old invoice's payment was sent back
)

// hourProfiles are the local hours in which a group opens what it got:
// weights of the hours 0 … 23.
var hourProfiles = [...][24]float64{
	{0, 0, 0, 0, 0, 1, 4, 8, 9, 6, 4, 3, 3, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 0}, // early
	{0, 0, 0, 0, 0, 0, 0, 1, 3, 7, 9, 8, 4, 5, 8, 8, 7, 4, 2, 1, 1, 0, 0, 0}, // office
	{2, 1, 0, 0, 0, 0, 1, 2, 2, 2, 2, 3, 5, 3, 2, 2, 2, 3, 5, 8, 9, 9, 7, 4}, // evening
}

var hourNames = [len(hourProfiles)]string{"early", "office", "evening"}
