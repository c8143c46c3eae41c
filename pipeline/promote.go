package pipeline

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"dunning/data"
)

// CurrentModel is the link, within a home, to the version that the server uses.
const CurrentModel = "models/current"

// Promote makes the version that was trained for asOf the one that is served,
// unless it does not beat the base rate on its test period: then the version in
// force stays, and refused says why. A version of a later day stays too: running
// an earlier day again must not turn the clock back. A reader sees the old
// version or the new.
func Promote(home string, asOf data.Date) (refused string, err error) {
	folder := TrainStage().FolderOf(home, asOf)
	out, err := OpenOutput(folder)
	if err != nil {
		return "", err
	}
	var e Evaluation
	if err := readJSON(out.Path(evaluationFile), &e); err != nil {
		return "", err
	}
	if refused = e.gate(); refused != "" {
		return refused, nil
	}
	link := filepath.Join(home, filepath.FromSlash(CurrentModel))
	target := asOf.String()
	next := link + ".next"
	if err := removeIfThere(next); err != nil {
		return "", fmt.Errorf("pipeline: promote: %w", err)
	}
	if now, err := os.Readlink(link); err == nil && now >= target { // days compare as their texts do
		return "", nil
	}
	if err := errors.Join(os.Symlink(target, next), os.Rename(next, link), data.SyncDir(filepath.Dir(link))); err != nil {
		return "", fmt.Errorf("pipeline: promote: %w", err)
	}
	return "", nil
}

// gate returns why the payment model must not be used, "" when it may.
func (e Evaluation) gate() string {
	champion, base := e.Payment.Models[0], e.Payment.Models[len(e.Payment.Models)-1]
	if champion.LogLoss == nil || base.LogLoss == nil {
		return "its log loss could not be measured on the test period"
	}
	if *champion.LogLoss >= *base.LogLoss {
		return fmt.Sprintf("its log loss %.4f on the test period is no better than that of %s, %.4f", *champion.LogLoss, base.Name, *base.LogLoss)
	}
	return ""
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
