// Package models holds what statistical models share: the contract of fitting
// and predicting, splits by time and by customer, metrics, calibration,
// artefacts and model cards. It sees matrices and labels, never rows of the
// lake.
package models
