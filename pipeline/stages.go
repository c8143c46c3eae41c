package pipeline

// Stages returns the whole way from sources to report, in order. The slice is
// the caller's.
func Stages() []Stage {
	return []Stage{ExtractStage(), FeaturesStage(), TrainStage(), SegmentsStage(), ScoreStage(), OptimizeStage(), ForecastStage(), ReportStage()}
}
