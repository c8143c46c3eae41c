package xgb

// WithDefaults returns what a training with p uses: the fields that are zero
// have their defaults.
func (p Params) WithDefaults() Params { return p.withDefaults() }
