package pipeline

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"dunning/data"
)

// bindFiles makes the file names in a DuckDB query absolute and lists the
// files. A name is a string or quoted identifier that, taken from dir, is a
// regular file or a glob that matches one. A name that a reading function or
// FROM is given and that matches nothing is an error that wraps
// [data.ErrBadInput].
func bindFiles(query, dir string) (bound string, files []string, err error) {
	var b strings.Builder
	for rest := query; rest != ""; {
		token, after := nextToken(rest)
		rest = after
		name, ok := fileName(token)
		if !ok {
			b.WriteString(token)
			continue
		}
		path := name
		if !filepath.IsAbs(path) {
			path = filepath.Join(dir, path)
		}
		found, err := matchFiles(path)
		if err != nil {
			return "", nil, err
		}
		if len(found) == 0 {
			if readsNext(b.String()) && !strings.Contains(name, "://") {
				return "", nil, fmt.Errorf("%w: no file %s", data.ErrBadInput, path)
			}
			b.WriteString(token)
			continue
		}
		files = append(files, found...)
		b.WriteString(token[:1] + strings.ReplaceAll(path, token[:1], token[:1]+token[:1]) + token[:1])
	}
	slices.Sort(files)
	return b.String(), slices.Compact(files), nil
}

// tokens that may hold text which is not SQL: comments, dollar quotes, strings
// and quoted identifiers.
var quoted = regexp.MustCompile(`(?s)^(?:--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|"(?:[^"]|"")*")`)

// nextToken splits off one quoted token or comment, or the text before it.
func nextToken(s string) (token, rest string) {
	if m := quoted.FindString(s); m != "" {
		return m, s[len(m):]
	}
	if tag := dollarTag.FindString(s); tag != "" {
		if end := strings.Index(s[len(tag):], tag); end >= 0 {
			n := len(tag) + end + len(tag)
			return s[:n], s[n:]
		}
	}
	if i := strings.IndexAny(s[1:], `'"-/$`); i >= 0 {
		return s[:i+1], s[i+1:]
	}
	return s, ""
}

var dollarTag = regexp.MustCompile(`^\$[A-Za-z_]*\$`)

// fileName returns the content of a quoted token that could name a file.
func fileName(token string) (string, bool) {
	if len(token) < 3 || token[0] != '\'' && token[0] != '"' {
		return "", false
	}
	q := token[:1]
	name := strings.ReplaceAll(token[1:len(token)-1], q+q, q)
	return name, strings.ContainsAny(name, "./*?") && strings.ContainsFunc(name, func(r rune) bool {
		return r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || r > 127
	})
}

var reading = regexp.MustCompile(`(?i)(\b(from|join)|\b(read_\w+|parquet_scan|sniff_csv)\s*\(\s*\[?)\s*$`)

// readsNext reports whether what follows the given SQL names a file to read.
func readsNext(before string) bool { return reading.MatchString(before) }

// matchFiles returns the regular files that a path or glob names, sorted. "**"
// stands for any number of folders.
func matchFiles(pattern string) ([]string, error) {
	if !strings.ContainsAny(pattern, "*?[") {
		info, err := os.Stat(pattern)
		if err != nil || !info.Mode().IsRegular() {
			return nil, nil
		}
		return []string{pattern}, nil
	}
	patterns := []string{pattern}
	if before, after, ok := strings.Cut(pattern, "**"); ok {
		patterns = nil
		root := filepath.Dir(before + "x")
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				patterns = append(patterns, filepath.Join(path, after))
			}
			return nil // a folder that cannot be read holds no source
		})
		if err != nil {
			return nil, fmt.Errorf("pipeline: %w", err)
		}
	}
	var files []string
	for _, p := range patterns {
		found, err := filepath.Glob(p)
		if err != nil {
			return nil, nil // not a glob, so not a file name
		}
		for _, f := range found {
			if info, err := os.Stat(f); err == nil && info.Mode().IsRegular() {
				files = append(files, f)
			}
		}
	}
	slices.Sort(files)
	return files, nil
}
