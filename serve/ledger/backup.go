package ledger

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"dunning/data"
)

// Backup writes a copy of the whole SQLite database, as it is at one instant,
// into a new file, while others go on writing. The file is on disk when it
// returns, under its name only once it is whole. A file that exists is not
// replaced. For PostgreSQL it returns an error that wraps data.ErrUsage: that
// is for pg_dump, or [Store.Export].
func (s *Store) Backup(ctx context.Context, path string) error {
	d, ok := s.db.(*sqliteDB)
	if !ok {
		return fmt.Errorf("%w: ledger: back up PostgreSQL with pg_dump, or export it", data.ErrUsage)
	}
	return intoPlace(path, func(partial string) error {
		// Not on a reader: those may not even write elsewhere.
		other, err := openSQLite(ctx, d.path)
		if err != nil {
			return err
		}
		defer other.close()
		if _, err := other.(*sqliteDB).writer.ExecContext(ctx, `VACUUM INTO ?`, partial); err != nil {
			return fmt.Errorf("ledger: backup: %w", err)
		}
		return nil
	})
}

// Restore puts a backup in the place of a database that is gone: it copies,
// opens and verifies it (config says how; its Path and DSN are not used), and
// gives it its name only then. A database that exists is not replaced.
func Restore(ctx context.Context, backup, path string, config Config) (Report, error) {
	var report Report
	err := intoPlace(path, func(partial string) error {
		if err := copyFile(partial, backup); err != nil {
			return fmt.Errorf("ledger: restore: %w", err)
		}
		config.Path, config.DSN = partial, ""
		s, err := Open(ctx, config)
		if err != nil {
			return err
		}
		report, err = s.Verify(ctx)
		return errors.Join(err, report.Err(), s.Close())
	})
	return report, err
}

// intoPlace has a file written under a temporary name beside its own, makes it
// durable and gives it its name, which nothing may have yet.
func intoPlace(path string, write func(partial string) error) error {
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("ledger: %s: %w: it exists", path, data.ErrUsage)
	}
	folder, err := os.MkdirTemp(filepath.Dir(path), ".partial-*")
	if err != nil {
		return fmt.Errorf("ledger: %w: %w", data.ErrUsage, err)
	}
	defer os.RemoveAll(folder)
	partial := filepath.Join(folder, filepath.Base(path))
	if err := write(partial); err != nil {
		return err
	}
	f, err := os.OpenFile(partial, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	if err := errors.Join(f.Chmod(0o600), f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	// A link, unlike a rename, does not replace what appeared meanwhile.
	if err := os.Link(partial, path); err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	return syncFolder(filepath.Dir(path))
}

func copyFile(to, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return fmt.Errorf("%w: %w", data.ErrUsage, err)
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
