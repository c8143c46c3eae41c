package registry

import (
	"fmt"

	"dunning/features"
	"dunning/models"
	"dunning/models/uplift"
)

// Predict returns the calibrated PayProb of each row of X. The error names a
// column that is missing. It panics on an artefact without a payment model.
func (p *PayProb) Predict(X features.Matrix) ([]float64, error) {
	raw, err := p.Ensemble.Predict(X)
	if err != nil {
		return nil, fmt.Errorf("registry: pay_prob: %w", err)
	}
	return p.Calibration.ApplyAll(raw), nil
}

// Effects returns the uplift model ready to predict.
func (u *Uplift) Effects() (*uplift.SModel, error) {
	bags := make([]models.Model, len(u.Bags))
	for i, b := range u.Bags {
		bags[i] = b
	}
	return uplift.NewSModel(u.Treatments, bags)
}
