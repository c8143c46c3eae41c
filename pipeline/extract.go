package pipeline

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"dunning/data"
	"dunning/features"
)

// QuarantineName is the file of the extract's output that holds the rows which
// broke a rule.
const QuarantineName = "quarantine.parquet"

// QuarantineRow is one source row that was set aside. SourceRow counts from 1
// in the order of the file, or, where the query sorts, joins or aggregates, in
// the order of all columns of its result.
type QuarantineRow struct {
	Table     string `parquet:"table,dict" json:"table"`
	SourceRow int64  `parquet:"source_row" json:"source_row"`
	Rule      string `parquet:"rule,dict" json:"rule"` // a name of data.Rules
	Message   string `parquet:"message" json:"message"`
	RowJSON   string `parquet:"row_json" json:"row_json"` // the known columns as they came, documents masked
}

// ExtractStage reads the sources into the lake: HOME/lake/extract/current with
// TABLE/part-NNN.parquet for each source table and quarantine.parquet. Every
// row that a source gives is either accepted or quarantined; the manifest
// counts TABLE.in, TABLE.accepted, TABLE.quarantined and
// quarantine.TABLE.RULE.
func ExtractStage() Stage {
	return Stage{
		Name:   "extract",
		Title:  "reads and checks the sources",
		Folder: "lake/extract/current",
		Config: func(c *Config) any {
			return struct {
				Partitions int
				Sources    map[string]Source
				Quarantine QuarantineConfig
			}{c.Partitions, c.Sources, c.Quarantine}
		},
		Prepare: prepareExtract,
		Run:     runExtract,
	}
}

// boundSource is a source whose query is ready to run in DuckDB.
type boundSource struct {
	query    string
	files    []string // of the user; they must not change while they are read
	sums     []string // their hashes
	unsorted bool     // rows come in no order of their own
}

// prepareExtract binds every query to its files and hashes them; rows of a
// database are downloaded here, since only their content tells whether they
// changed.
func prepareExtract(ctx context.Context, w *Work) (map[string]string, error) {
	sums, bound := map[string]string{}, map[string]boundSource{}
	key, err := documentKeyFromEnv(w.Config.Quarantine)
	if err != nil {
		return nil, err
	}
	if key != nil {
		// A few bits, enough to see that the key is another one.
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte("dunning document key"))
		sums["document key"] = hex.EncodeToString(mac.Sum(nil)[:4])
	}
	dir := w.Config.dir
	if dir == "" {
		dir = w.Home
	}
	var remote []string
	for _, name := range sortedKeys(w.Config.Sources) {
		src := w.Config.Sources[name]
		if src.Postgres != nil {
			remote = append(remote, name)
			continue
		}
		b, err := bindSource(src, dir)
		if err != nil {
			return nil, fmt.Errorf("sources.%s: %w", name, err)
		}
		for _, f := range b.files {
			sum, err := w.hashes.hash(f)
			if err != nil {
				return nil, fmt.Errorf("sources.%s: %w: %w", name, data.ErrBadInput, err)
			}
			b.sums = append(b.sums, sum)
			rel, err := filepath.Rel(dir, f)
			if err != nil {
				rel = f
			}
			sums[name+" "+filepath.ToSlash(rel)] = sum
		}
		bound[name] = b
	}
	if err := downloadPostgres(ctx, w, remote, bound, sums); err != nil {
		return nil, err
	}
	w.prepared, err = linkFeedback(w, bound, sums)
	return sums, err
}

func bindSource(src Source, dir string) (boundSource, error) {
	query, files, err := bindFiles(strings.TrimRight(strings.TrimSpace(src.Query), ";"), dir)
	if err != nil {
		return boundSource{}, err
	}
	for _, pattern := range src.Files {
		if !filepath.IsAbs(pattern) {
			pattern = filepath.Join(dir, pattern)
		}
		more, err := matchFiles(pattern)
		if err != nil {
			return boundSource{}, err
		}
		if len(more) == 0 {
			return boundSource{}, fmt.Errorf("%w: no file %s", data.ErrBadInput, pattern)
		}
		files = append(files, more...)
	}
	return boundSource{query: query, files: files}, nil
}

// extraction is the state of one extract at work.
type extraction struct {
	*engine
	w       *Work
	sources map[string]boundSource
	faults  map[string][]fault // by table; the fault number of a row is the index + 1
	step    int64
}

func runExtract(ctx context.Context, w *Work) error {
	e, err := openEngine(ctx, w.Config, w.Tmp)
	if err != nil {
		return err
	}
	defer e.close()
	prepared := w.prepared.(preparedExtract)
	x := &extraction{engine: e, w: w, sources: prepared.sources, faults: map[string][]fault{}}
	if err := x.addFeedback(prepared); err != nil {
		return err
	}
	if err := x.exec(shownMacro); err != nil {
		return err
	}
	if err := x.exec(`CREATE TABLE quarantine ("table" VARCHAR, source_row BIGINT, rule VARCHAR, message VARCHAR, row_json VARCHAR)`); err != nil {
		return err
	}
	all := tables(w.Config.Partitions)
	for _, t := range all {
		if err := x.classify(t); err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
	}
	if err := x.sameSources(); err != nil {
		return err
	}
	if err := x.countDays(all); err != nil {
		return err
	}
	for _, t := range all {
		if err := x.export(t); err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
	}
	x.noteQuarantine()
	return x.copy(fmt.Sprintf("SELECT * FROM quarantine ORDER BY list_position([%s], \"table\"), source_row", quoteAll(SourceTables[:])), QuarantineName)
}

// classify stages the table and finds each row's first fault.
func (x *extraction) classify(t table) error {
	missing, err := x.stage(t)
	if err != nil {
		return err
	}
	if err := x.relate(t, missing); err != nil {
		return err
	}
	if err := x.quarantine(t, missing); err != nil {
		return err
	}
	x.advance()
	return x.count(t)
}

func (x *extraction) advance() {
	x.step++
	x.w.Advance(x.step, int64(2*len(SourceTables)))
}

// stage copies the known columns of the source into s_TABLE, as they came and
// parsed, with the number of the first fault that a row has by itself; 0 for
// none. The row's number in the source is its rowid there + 1, since rows are
// inserted in the order in which they are read. It returns which columns the
// source lacks.
func (x *extraction) stage(t table) (missing map[string]bool, err error) {
	src, ok := x.sources[t.name]
	if !ok {
		empty := make([]string, len(t.columns))
		for i, c := range t.columns {
			empty[i] = "CAST(NULL AS VARCHAR) AS " + ident(c.name)
		}
		src = boundSource{query: "SELECT " + strings.Join(empty, ", ") + " WHERE false"}
	}
	names, types, err := x.describe(src.query)
	if err != nil {
		return nil, src.readError(err)
	}
	missing = map[string]bool{}
	// Each level reads the one before, so that nothing is computed twice.
	var staged, parsed, bounded []string
	for _, c := range t.columns {
		_, have := types[c.name]
		switch {
		case have:
			if c.kind == kindDocument {
				if err := x.useDocuments(); err != nil {
					return nil, err
				}
			}
			raw, name := ident(rawName(c.name)), ident(c.name)
			staged = append(staged, c.staged(types[c.name])+" AS "+raw)
			parsed = append(parsed, raw, c.parsed(types[c.name])+" AS "+name)
			bounded = append(bounded, raw, c.bounded(name)+" AS "+name)
		case c.required:
			return nil, fmt.Errorf("%w: no column %q (the query gives %s)%s", data.ErrBadInput, c.name, strings.Join(names, ", "), suggest(c.name, names))
		default:
			missing[c.name] = true
			parsed, bounded = append(parsed, "CAST(NULL AS VARCHAR) AS "+ident(c.name)), append(bounded, ident(c.name)) // joins may name it
		}
	}
	inOrder, err := x.inFileOrder(src.query)
	if err != nil {
		return nil, src.readError(err)
	}
	from := "(" + src.query + "\n)"
	if !inOrder || src.unsorted {
		from = "(SELECT * FROM " + from + " ORDER BY ALL)"
	}
	x.faults[t.name] = t.ownFaults(missing)
	err = x.exec(fmt.Sprintf("CREATE TABLE s_%s AS SELECT p.*, %s AS own FROM (SELECT %s FROM (SELECT %s FROM (SELECT %s FROM %s q))) p",
		t.name, firstFault(x.faults[t.name], 0), strings.Join(bounded, ", "), strings.Join(parsed, ", "), strings.Join(staged, ", "), from))
	if err != nil {
		return nil, src.readError(err)
	}
	return missing, nil
}

// readError gives an error of the source's query its class, and says where to
// look: the engine often does not name the file.
func (s boundSource) readError(err error) error {
	err = queryError(err)
	if !errors.Is(err, data.ErrBadInput) || len(s.files) == 0 {
		return err
	}
	where := s.files[0]
	if strings.Contains(err.Error(), where) {
		where = "the file"
	}
	return fmt.Errorf("%w; check that %s is whole and fits the query", err, where)
}

// useDocuments gives SQL the function that hides documents.
func (x *extraction) useDocuments() error {
	key, err := documentKeyFromEnv(x.w.Config.Quarantine)
	if err == nil && key == nil {
		key, err = homeDocumentKey(x.w.Home)
	}
	if err != nil {
		return err
	}
	return x.registerDocument(key)
}

// relate makes f_TABLE: the columns of the lake, the row's number in the
// source, its partition and the number of its first fault, now with those that
// take other rows to find; and k_TABLE, its accepted rows.
func (x *extraction) relate(t table, missing map[string]bool) error {
	values := []string{"p.rowid + 1 AS source_row"}
	for _, c := range t.columns {
		values = append(values, c.value(missing[c.name]))
	}
	values = append(values, t.derived...)
	values = append(values, "CAST("+t.part+" AS SMALLINT) AS part")

	own, joins := len(x.faults[t.name]), t.joins
	var queries []string
	if t.id != "" {
		id := ident(t.id)
		queries = append(queries, fmt.Sprintf(
			"CREATE TABLE d_%[1]s AS SELECT %[2]s, min(rowid) AS first_row FROM s_%[1]s WHERE own = 0 GROUP BY ALL HAVING count(*) > 1", t.name, id))
		joins += fmt.Sprintf(" LEFT JOIN d_%[1]s d ON p.%[2]s = d.%[2]s", t.name, id)
		x.faults[t.name] = append(x.faults[t.name], fault{"duplicate_id", "d.first_row < p.rowid",
			fmt.Sprintf("'%s ' || shown(p.%s) || ' is also in an earlier row'", t.id, id)})
	}
	x.faults[t.name] = append(x.faults[t.name], t.between...)
	queries = append(queries,
		fmt.Sprintf("CREATE TABLE f_%[1]s AS SELECT %[2]s, CASE WHEN p.own > 0 THEN p.own ELSE %[3]s END AS fault FROM s_%[1]s p %[4]s",
			t.name, strings.Join(values, ", "), firstFault(x.faults[t.name][own:], own), joins),
		fmt.Sprintf("CREATE VIEW k_%[1]s AS SELECT * FROM f_%[1]s WHERE fault = 0", t.name))
	for _, q := range queries {
		if err := x.exec(q); err != nil {
			return err
		}
	}
	return nil
}

// firstFault is the SQL of the number of the first fault that applies, counted
// from after+1, or 0.
func firstFault(faults []fault, after int) string {
	if len(faults) == 0 {
		return "0"
	}
	var b strings.Builder
	b.WriteString("CASE")
	for i, f := range faults {
		fmt.Fprintf(&b, " WHEN %s THEN %d", f.cond, after+i+1)
	}
	b.WriteString(" ELSE 0 END")
	return b.String()
}

// quarantine copies the table's faulty rows, with what is wrong with them.
func (x *extraction) quarantine(t table, missing map[string]bool) error {
	rule, message := "CASE f.fault", "CASE f.fault"
	for i, f := range x.faults[t.name] {
		rule += fmt.Sprintf(" WHEN %d THEN %s", i+1, quote(f.rule))
		message += fmt.Sprintf(" WHEN %d THEN %s", i+1, f.message)
	}
	var fields []string
	for _, c := range t.columns {
		switch raw := "p." + ident(rawName(c.name)); {
		case missing[c.name]:
		case c.kind == kindDocument:
			fields = append(fields, quote(c.name), "CASE WHEN "+raw+" IS NULL THEN NULL WHEN starts_with("+raw+", 'x:') THEN substr("+raw+", 3) ELSE '***' END")
		default:
			fields = append(fields, quote(c.name), raw)
		}
	}
	err := x.exec(fmt.Sprintf(`INSERT INTO quarantine SELECT '%[1]s', f.source_row, %[2]s END, %[3]s END, CAST(json_object(%[4]s) AS VARCHAR)
		FROM f_%[1]s f JOIN s_%[1]s p ON f.source_row = p.rowid + 1 WHERE f.fault > 0`, t.name, rule, message, strings.Join(fields, ", ")))
	if err != nil {
		return err
	}
	return x.exec("DROP TABLE s_" + t.name)
}

// count records what became of the table's rows, and stops where too many are
// faulty or a table that must have rows has none.
func (x *extraction) count(t table) error {
	var in, accepted int64
	if err := x.row(fmt.Sprintf("SELECT count(*), count(*) FILTER (fault = 0) FROM f_%s", t.name), &in, &accepted); err != nil {
		return err
	}
	bad := in - accepted
	x.w.Count(t.name+".in", in)
	x.w.Count(t.name+".accepted", accepted)
	x.w.Count(t.name+".quarantined", bad)
	if in == 0 && (t.name == "customers" || t.name == "invoices") {
		return fmt.Errorf("%w: the source has no rows", data.ErrBadInput)
	}
	var top []string
	err := x.rows(fmt.Sprintf(`SELECT rule, count(*), min(source_row), arg_min(message, source_row) FROM quarantine
		WHERE "table" = '%s' GROUP BY rule ORDER BY 2 DESC, 1`, t.name), func(r *sql.Rows) error {
		var rule, message string
		var n, row int64
		if err := r.Scan(&rule, &n, &row, &message); err != nil {
			return err
		}
		x.w.Count("quarantine."+t.name+"."+rule, n)
		if len(top) < 3 {
			top = append(top, fmt.Sprintf("%s %s (first in row %d: %s)", rule, thousands(n), row, message))
		}
		return nil
	})
	if err != nil {
		return err
	}
	limit := x.w.Config.Quarantine.MaxShare
	if share := float64(bad) / float64(max(in, 1)); share > limit {
		return fmt.Errorf("%w: %s of %s rows break a rule, %.2f %%; quarantine.max_share allows %.2f %%: %s",
			data.ErrBadInput, thousands(bad), thousands(in), 100*share, 100*limit, strings.Join(top, ", "))
	}
	return nil
}

// sameSources refuses files that changed between hashing and the end of
// reading: their rows would not be what the manifest says they came from.
func (x *extraction) sameSources() error {
	for _, name := range sortedKeys(x.sources) {
		src := x.sources[name]
		for i, f := range src.files {
			if sum, err := x.w.hashes.hash(f); err != nil || sum != src.sums[i] {
				return fmt.Errorf("%w: sources.%s: %s changed while it was read; run again", data.ErrBadInput, name, f)
			}
		}
	}
	return nil
}

// countDays records the days of the first and the last event, from which a run
// without as_of takes its day.
func (x *extraction) countDays(all []table) error {
	var days []string
	for _, t := range all {
		if t.event != "" {
			days = append(days, fmt.Sprintf("SELECT min(%[1]s) AS lo, max(%[1]s) AS hi FROM k_%[2]s", t.event, t.name))
		}
	}
	var first, last sql.NullInt64
	if err := x.row("SELECT min(lo) - DATE '1970-01-01', max(hi) - DATE '1970-01-01' FROM ("+strings.Join(days, " UNION ALL ")+")", &first, &last); err != nil {
		return err
	}
	if !first.Valid {
		return fmt.Errorf("%w: invoices: no row was accepted", data.ErrBadInput)
	}
	x.w.Count(countFirstEvent, first.Int64)
	x.w.Count(countLastEvent, last.Int64)
	return nil
}

// export writes the accepted rows of the table, one file per partition.
func (x *extraction) export(t table) error {
	if err := makeDir(filepath.Join(x.w.Dir, t.name)); err != nil {
		return err
	}
	var columns []string
	for _, c := range t.columns {
		expr := ident(c.output())
		if r, ok := t.replace[c.name]; ok {
			expr = r.sql + " AS " + expr
		}
		columns = append(columns, expr)
	}
	for _, d := range t.derived {
		columns = append(columns, ident(d[strings.LastIndex(d, " ")+1:]))
	}
	for part := range x.w.Config.Partitions {
		err := x.copy(fmt.Sprintf("SELECT %s FROM f_%s f WHERE fault = 0 AND part = %d ORDER BY %s", strings.Join(columns, ", "), t.name, part, t.order),
			t.name+"/"+features.PartName(part))
		if err != nil {
			return err
		}
	}
	x.advance()
	return nil
}

// copy writes the rows of a query as a file of the output. DuckDB's writer
// gives the same bytes for the same ordered rows, whatever the number of
// threads: the tests hold it to that.
func (x *extraction) copy(query, name string) error {
	path := filepath.Join(x.w.Dir, filepath.FromSlash(name))
	res, err := x.conn.ExecContext(x.ctx, "COPY ("+query+") TO "+quote(path)+" (FORMAT parquet, COMPRESSION zstd)")
	if err != nil {
		return x.explain(err)
	}
	n, err := res.RowsAffected()
	if err != nil {
		return x.explain(err)
	}
	f, err := data.Stat(path, n)
	if err != nil {
		return err
	}
	x.w.Wrote(name, f)
	return nil
}

// noteQuarantine shows how many rows of each table were set aside, if any.
func (x *extraction) noteQuarantine() {
	var in, bad int64
	var by []string
	for _, t := range SourceTables {
		in += x.w.counts[t+".in"]
		if n := x.w.counts[t+".quarantined"]; n > 0 {
			bad += n
			by = append(by, t+" "+thousands(n))
		}
	}
	if bad > 0 {
		x.w.Note("extract: %s of %s rows break a rule and are in %s: %s", thousands(bad), thousands(in), QuarantineName, strings.Join(by, ", "))
	}
}
