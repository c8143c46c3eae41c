// Package registry keeps trained versions. One version is one folder:
//
//	model.json    all that scoring needs; its hash is the version's id
//	card.json     the model card, for programs
//	card.md       the model card, for people; a rendering, not read back
//	timing.json   how long training took; not hashed, since it differs each time
//
// The governing invariant: [Load] returns a version only if every byte that it
// was saved with is there, and every part of it is sound: model.json names the
// hash of its own body and the body names the hash of the card. Anything else
// is an error that wraps data.ErrDamagedFile, with the file and the reason.
//
// It is the top of models: it knows every kind of model that can be served, an
// exception to the rule that siblings do not know each other.
package registry
