package trees

// ForestOf shows tests the trees as they were given.
func ForestOf(e *Ensemble) []Tree { return e.trees }

// IsPacked tells whether batches are predicted by the packed form.
func IsPacked(e *Ensemble) bool { return e.packed != nil }
