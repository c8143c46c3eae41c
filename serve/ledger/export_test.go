package ledger

import (
	"context"
	"testing/fstest"
	"time"
)

// PragmaForTest changes a setting of the one connection that writes.
func (s *Store) PragmaForTest(text string) error {
	_, err := s.db.(*sqliteDB).writer.Exec(text)
	return err
}

// CheckpointForTest copies the log of the database now.
func (s *Store) CheckpointForTest() error {
	return s.db.(*sqliteDB).writer.Checkpoint(context.Background())
}

// MigrateForTest runs other migrations than those of this program.
func (s *Store) MigrateForTest(ctx context.Context, files map[string]string) error {
	fsys := fstest.MapFS{}
	for name, text := range files {
		fsys["migration/"+s.db.dialect()+"/"+name] = &fstest.MapFile{Data: []byte(text)}
	}
	steps, err := migrationsOf(fsys, s.db.dialect())
	if err != nil {
		return err
	}
	return migrate(ctx, s.db, steps, time.Unix(0, 0))
}

// MigrationForTest returns the text of a migration of this program.
func (s *Store) MigrationForTest(name string) string {
	text, err := migrations.ReadFile("migration/" + s.db.dialect() + "/" + name)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// CommitWithinForTest bounds commits, where the database is PostgreSQL.
func (s *Store) CommitWithinForTest(d time.Duration) {
	if db, ok := s.db.(*postgresDB); ok {
		db.commitWithin = d
	}
}
