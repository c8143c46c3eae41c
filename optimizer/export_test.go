package optimizer

// PartFrom has the file get a part from so many customers on.
func (w *ValuesWriter) PartFrom(customers int64) { w.partFrom = customers }
