package pipeline

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"dunning/data"
)

// eventsFolder is where the server writes what was sent and reported, as
// eventsFolder/TABLE/DAY.csv with the columns of the source table; opt_outs and
// disputes, which is a source table, too, change customers.
const eventsFolder = "events"

// eventID is the column that tells whether the company's own system has
// delivered a row by now: then its row counts.
var eventID = map[string]string{"payments": "payment_id", "touches": "touch_id", "touch_events": "touch_id", "promises": "promise_id"}

// sayings are the tables that change customers.
var sayings = []string{"opt_outs", "disputes"}

// preparedExtract is what a run of extract reads.
type preparedExtract struct {
	sources map[string]boundSource
	events  map[string]string // globs of what was sent and reported, by table
	holds   string            // glob of the decisions of plans that sent something
}

// linkEvents keeps the files in HOME/events as they are now, under another name
// within the scratch folder, because a server goes on writing; their hashes join
// sums. A table whose own query reads that folder is left alone: its owner has
// seen to it. The result maps a table to the glob of its files.
func linkEvents(w *Work, bound map[string]boundSource, sums map[string]string) (map[string]string, error) {
	globs := map[string]string{}
	for _, table := range slices.Sorted(slices.Values(append(sortedKeys(eventID), sayings...))) {
		of := table
		if slices.Contains(sayings, table) {
			of = "customers"
		}
		folder := filepath.Join(w.Home, eventsFolder, table)
		if slices.ContainsFunc(bound[of].files, func(f string) bool {
			return strings.HasPrefix(f, filepath.Join(w.Home, eventsFolder)+string(filepath.Separator))
		}) {
			continue
		}
		names, err := eventDays(folder)
		if err != nil {
			return nil, err
		}
		if len(names) == 0 {
			continue
		}
		to := filepath.Join(w.Tmp, eventsFolder, table)
		if err := os.MkdirAll(to, 0o755); err != nil {
			return nil, fmt.Errorf("pipeline: %w", err)
		}
		for _, name := range names {
			sum, err := linkEvent(filepath.Join(folder, name), filepath.Join(to, name))
			if err != nil {
				return nil, fmt.Errorf("%s: %w", filepath.Join(folder, name), err)
			}
			sums[eventsFolder+" "+table+"/"+name] = sum
		}
		globs[table] = filepath.Join(to, "*.csv")
	}
	return globs, nil
}

// eventDays lists the files of days in a folder that need not exist.
func eventDays(folder string) ([]string, error) {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("pipeline: %w", err)
	}
	var names []string
	for _, e := range entries {
		if _, err := data.ParseDate(strings.TrimSuffix(e.Name(), ".csv")); err == nil && strings.HasSuffix(e.Name(), ".csv") {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// linkEvent gives a file a second name and returns its hash. The server replaces
// a file as a whole, so what has the second name never changes.
func linkEvent(path, to string) (string, error) {
	if err := os.Link(path, to); err != nil {
		return "", fmt.Errorf("pipeline: %w", err)
	}
	var uncached *hashCache // the name is gone with the run
	return uncached.hash(to)
}

// readEvent is the SQL that reads the files of a glob.
func readEvent(glob string) string {
	return "read_csv(" + quote(glob) + ", header = true, all_varchar = true, delim = ',', quote = '\"', escape = '\"', comment = '')"
}

// addEvents puts what was sent and reported beside the company's own rows. Words
// about disputes have no id: said twice, they say the same.
func (x *extraction) addEvents(globs map[string]string) error {
	for _, table := range append(sortedKeys(eventID), "disputes") {
		glob, id := globs[table], eventID[table]
		if glob == "" {
			continue
		}
		own, ok := x.sources[table]
		if !ok { // the company has no such table
			x.sources[table] = boundSource{unsorted: true, query: "SELECT * FROM " + readEvent(glob)}
			continue
		}
		query := "(" + own.query + "\n)"
		both := "SELECT * FROM " + query + " UNION ALL BY NAME SELECT * FROM " + readEvent(glob) + " e"
		if id != "" {
			both += fmt.Sprintf(" WHERE NOT EXISTS (SELECT 1 FROM %s c WHERE trim(CAST(c.%s AS VARCHAR)) = e.%s)", query, id, id)
		}
		x.sources[table] = boundSource{files: own.files, sums: own.sums, unsorted: true, query: both}
	}
	if globs["opt_outs"] == "" && globs["disputes"] == "" {
		return nil
	}
	own := x.sources["customers"]
	names, _, err := x.describe(own.query)
	if err != nil {
		return own.readError(err)
	}
	own.query, own.unsorted = customersAsSaid(own.query, names, globs), true
	x.sources["customers"] = own
	return nil
}

// customersAsSaid gives customers the last word that was said about consent and
// disputes. A column that the company does not have is made, with what its
// absence means.
func customersAsSaid(company string, names []string, globs map[string]string) string {
	with := []string{"company AS (" + company + "\n)"}
	join, replaced, added := "", []string{}, []string{}
	change := func(column, absent, said string) {
		if slices.Contains(names, column) {
			replaced = append(replaced, fmt.Sprintf(said, "CAST(c."+column+" AS VARCHAR)")+" AS "+column)
		} else {
			added = append(added, fmt.Sprintf(said, absent)+" AS "+column)
		}
	}
	if glob := globs["opt_outs"]; glob != "" {
		all := make([]string, len(data.Channels))
		for i, ch := range data.Channels {
			all[i] = quote(string(ch))
			change("consent_"+string(ch), "'true'", "CASE WHEN list_contains(o.channels, "+quote(string(ch))+") THEN 'false' ELSE %s END")
		}
		with = append(with,
			fmt.Sprintf(`said AS (SELECT customer_id, unnest(CASE WHEN channel IS NULL THEN [%s] ELSE [channel] END) AS channel, kind, "at" FROM %s)`, strings.Join(all, ", "), readEvent(glob)),
			`lasting AS (SELECT customer_id, channel, arg_max(kind, "at") AS kind FROM said GROUP BY ALL)`,
			`o AS (SELECT customer_id, list(channel) AS channels FROM lasting WHERE kind = 'opt_out' GROUP BY customer_id)`)
		join += " LEFT JOIN o ON o.customer_id = trim(CAST(c.customer_id AS VARCHAR))"
	}
	if glob := globs["disputes"]; glob != "" {
		change("dispute", "'false'", "CASE WHEN d.open IS NULL THEN %s ELSE CAST(d.open AS VARCHAR) END")
		with = append(with, fmt.Sprintf(`d AS (SELECT customer_id, arg_max(kind, "at") = 'dispute' AS open FROM %s GROUP BY customer_id)`, readEvent(glob)))
		join += " LEFT JOIN d ON d.customer_id = trim(CAST(c.customer_id AS VARCHAR))"
	}
	columns := "c.*"
	if len(replaced) > 0 {
		columns += " REPLACE (" + strings.Join(replaced, ", ") + ")"
	}
	return "WITH " + strings.Join(with, ",\n") + "\nSELECT " + strings.Join(append([]string{columns}, added...), ", ") + " FROM company c" + join
}
