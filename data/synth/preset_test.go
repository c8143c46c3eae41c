package synth

import (
	"context"
	"testing"

	"dunning/data"
)

// What differs between presets is how customers answer: letters work best in
// one, messages in another, and the default's calls are the strongest.
func TestPresets_DifferInWhatWorks(t *testing.T) {
	best := map[Preset]data.Channel{PresetDefault: data.Voice, PresetLetters: data.Letter, PresetMessages: data.WhatsApp}
	for _, preset := range Presets {
		c := testConfig(300)
		c.Preset, c.Months = preset, 9
		p, err := Generate(context.Background(), c)
		if err != nil {
			t.Fatal(err)
		}
		mean := map[data.Channel]float64{}
		for i := range p.Truth.Decisions {
			d := &p.Truth.Decisions[i]
			if d.DaysPastDue > 5 { // letters and calls come late
				for _, ch := range data.Channels {
					mean[ch] += d.EffectProb(ch)
				}
			}
		}
		top := data.Channels[0]
		for _, ch := range data.Channels {
			if mean[ch] > mean[top] {
				top = ch
			}
		}
		if top != best[preset] {
			t.Errorf("%s: %s works best, not %s: %v", preset, top, best[preset], mean)
		}
	}
}

func TestPresets_AreWhole(t *testing.T) {
	for _, preset := range Presets {
		w, ok := newWorld(preset)
		if !ok {
			t.Fatalf("no preset %q", preset)
		}
		total := 0.0
		for _, r := range w.types {
			total += r.share
		}
		if total < .999 || total > 1.001 {
			t.Errorf("%s: the shares of the types add up to %g", preset, total)
		}
	}
	if _, ok := newWorld("nothing"); ok {
		t.Error("an unknown preset is taken")
	}
	c := DefaultConfig()
	c.Preset = "nothing"
	if c.Validate() == nil {
		t.Error("a configuration with an unknown preset is valid")
	}
}
