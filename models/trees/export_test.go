package trees

// ForestOf shows tests the trees as they were given.
func ForestOf(e *Ensemble) []Tree { return e.trees }
