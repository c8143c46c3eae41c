package synth

import "math"

// Preset names a way in which customers answer to touches. Everything else
// (who they are, when they pay untouched, how the log decides) is the same.
type Preset string

// The presets. They differ in what an estimate has to find out.
const (
	// PresetDefault is the mix of types and channels that the document shows.
	PresetDefault Preset = "default"
	// PresetLetters has few digital and phone types, many formal and
	// indifferent ones: letters work, other channels are weak, effects fade
	// slowly and people tire twice as fast.
	PresetLetters Preset = "letters"
	// PresetMessages has many digital types beside three in ten who are put off
	// by touches: messages are strong, calls and letters weak, effects fade fast.
	PresetMessages Preset = "messages"
)

// Presets lists the presets; the first is the default.
var Presets = [...]Preset{PresetDefault, PresetLetters, PresetMessages}

// world is what a preset decides.
type world struct {
	types [nTypes]responseType
	// effect is the log hazard ratio of a delivered touch on its first day, for
	// a multiplier, a stage factor and a day factor of one and no fatigue.
	effect       [channels]float64
	halfLifeDays float64 // of the effect of a touch
	fatigue      float64 // log damping per touch in the load
	decay        float64 // of an effect from day to day, from the half-life
}

// newWorld returns the parameters of a preset; ok is false for an unknown one.
// The empty name is the default: portfolios of earlier versions have no other.
func newWorld(p Preset) (w *world, ok bool) {
	w = &world{types: responseTypes, effect: channelEffect, halfLifeDays: halfLifeDays, fatigue: fatigueFactor}
	switch p {
	case "", PresetDefault:
	case PresetLetters:
		w.share(.10, .10, .30, .30, .10, .10)
		w.effect = [channels]float64{.25, .30, .40, .80, 1.60}
		w.halfLifeDays, w.fatigue = 5, .9
	case PresetMessages:
		w.share(.40, .05, .05, .15, .30, .05)
		w.effect = [channels]float64{.70, .80, 1.05, .60, .60}
		w.halfLifeDays = 1.5
	default:
		return nil, false
	}
	w.decay = math.Exp2(-1 / w.halfLifeDays)
	return w, true
}

// share sets the types' shares, in their order.
func (w *world) share(shares ...float64) {
	for k := range w.types {
		w.types[k].share = shares[k]
	}
}

// aged is an effect one day later; the simulator and the truth both use it.
func (w *world) aged(effect float64) float64 {
	effect *= w.decay
	if math.Abs(effect) < effectFloor {
		return 0
	}
	return effect
}

// promiseChance is P(promise | delivered).
func (w *world) promiseChance(c, k, level int) float64 {
	return promiseProb[c] * w.types[k].talk * levelTalk[level]
}

// openChance is P(opened | delivered).
func (w *world) openChance(c, k int) float64 {
	return 1 / (1 + math.Exp(-openLogit[c]-openSlope*w.types[k].mult[c]))
}
