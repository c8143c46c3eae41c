// Package pipeline runs the stages that turn sources into an approvable plan:
// extract, features, train, segments, score, optimize, forecast, report.
//
// The governing invariant: what a reader sees under a stage's folder is always
// the whole output of one finished run of that stage. A stage writes into a
// folder of its own; when every file is durable and the manifest is written,
// one rename of a symbolic link makes it visible. A run that was killed
// therefore leaves nothing to repair: the next run removes its remains and
// starts the interrupted stage again.
//
// A stage whose key did not change is not run again. The key hashes the schema
// version, the program, AsOf, the seed, the part of the configuration that the
// stage reads and the content of its inputs; see [Stage].
package pipeline
