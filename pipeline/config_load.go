package pipeline

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/go-viper/mapstructure/v2"
	koanfyaml "github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/v2"
	"go.yaml.in/yaml/v3"

	"dunning/data"
)

// ConfigName is the file name of the configuration within a home.
const ConfigName = "dunning.yaml"

// envPrefix begins the environment variables that override the file:
// DUNNING_BUDGET_CENTS is budget_cents, DUNNING_TRAIN__ROUNDS is train.rounds.
const envPrefix = "DUNNING_"

// LoadConfig reads HOME/dunning.yaml, then the environment over it, and
// validates the result. Unknown keys are errors that name the nearest known
// key. Every error wraps [data.ErrUsage].
func LoadConfig(home string) (*Config, error) {
	return LoadConfigFile(filepath.Join(home, ConfigName))
}

// LoadConfigFile is [LoadConfig] for a file of any name. Relative paths in its
// queries start at the file's folder.
func LoadConfigFile(path string) (*Config, error) {
	b, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%w: %s: %w; make one with dunning init", data.ErrUsage, path, errNoConfig)
	case err != nil:
		return nil, fmt.Errorf("%w: %w; choose another home with --home or make it readable", data.ErrUsage, err)
	}
	c, err := ParseConfig(b, os.Environ())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if c.dir, err = filepath.Abs(filepath.Dir(path)); err != nil {
		return nil, fmt.Errorf("%w: %w", data.ErrUsage, err)
	}
	return c, nil
}

// ParseConfig reads a configuration from YAML and the given environment
// ("NAME=value" strings) and validates it.
func ParseConfig(b []byte, environ []string) (*Config, error) {
	k := koanf.New(".")
	if err := k.Load(rawBytes(defaultYAML("csv", "")), koanfyaml.Parser()); err != nil {
		return nil, fmt.Errorf("pipeline: default configuration: %w", err)
	}
	file := koanf.New(".")
	if err := file.Load(rawBytes(b), koanfyaml.Parser()); err != nil {
		return nil, fmt.Errorf("%w: %w", data.ErrUsage, err)
	}
	// A map of named things is replaced as a whole: what is not written there
	// is not wanted.
	for _, key := range []string{"sources", "channels"} {
		if file.Exists(key) {
			k.Delete(key)
		}
	}
	if err := k.Merge(file); err != nil {
		return nil, fmt.Errorf("%w: %w", data.ErrUsage, err)
	}
	var f faults
	if err := k.Load(envProvider(environ, k.Raw(), &f), nil); err != nil {
		return nil, fmt.Errorf("%w: environment: %w", data.ErrUsage, err)
	}
	raw := plainDates(k.Raw()).(map[string]any)
	unknownKeys("", raw, reflect.TypeFor[Config](), &f)
	if len(f) > 0 {
		return nil, fmt.Errorf("%w: %w", data.ErrUsage, f)
	}
	c := new(Config)
	if err := decode(raw, c); err != nil {
		return nil, fmt.Errorf("%w: %w", data.ErrUsage, err)
	}
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return c, nil
}

// rawBytes is a koanf provider of bytes in memory.
type rawBytes []byte

func (r rawBytes) ReadBytes() ([]byte, error) { return r, nil }

func (r rawBytes) Read() (map[string]any, error) { return nil, errors.ErrUnsupported }

// decode fills c from raw without weak typing: "8" is no number, and 2.5 no
// integer.
func decode(raw map[string]any, c *Config) error {
	d, err := mapstructure.NewDecoder(&mapstructure.DecoderConfig{
		Result: c, TagName: "koanf",
		DecodeHook: mapstructure.ComposeDecodeHookFunc(wholeNumbers, mapstructure.TextUnmarshallerHookFunc()),
	})
	if err == nil {
		err = d.Decode(raw)
	}
	var f faults
	f.decoded(err)
	if len(f) == 0 {
		return nil
	}
	return f
}

// decoded adds the faults that the decoder found, in our words: each with its
// key.
func (f *faults) decoded(err error) {
	fault, isFault := err.(*mapstructure.DecodeError)
	switch x := err.(type) {
	case nil:
		return
	case interface{ Unwrap() []error }:
		for _, e := range x.Unwrap() {
			f.decoded(e)
		}
		return
	case interface{ Unwrap() error }:
		if !isFault {
			f.decoded(x.Unwrap())
			return
		}
	}
	var wrong *mapstructure.UnconvertibleTypeError
	switch {
	case !isFault:
		*f = append(*f, err)
	case errors.As(err, &wrong):
		f.check(false, "%s: %v is not %s", fault.Name(), redactValue(wrong.Value), wantedKind(wrong.Expected.Type()))
	default:
		f.check(false, "%s: %w", fault.Name(), fault.Unwrap())
	}
}

// wantedKind says in words what a key holds.
func wantedKind(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Pointer:
		return wantedKind(t.Elem())
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "a whole number"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.String:
		return "a text"
	case reflect.Slice:
		return "a list"
	}
	return "a group of keys"
}

// redactValue shows a value of the configuration; of a text, which may be a
// secret in the wrong place, only its beginning.
func redactValue(v any) any {
	if s, ok := v.(string); ok {
		return fmt.Sprintf("%q", redact(s))
	}
	return v
}

// wholeNumbers refuses fractions where an integer is meant; the decoder would
// cut them off.
func wholeNumbers(_, to reflect.Type, v any) (any, error) {
	x, ok := v.(float64)
	if !ok || to.Kind() < reflect.Int || to.Kind() > reflect.Uint64 {
		return v, nil
	}
	if x != math.Trunc(x) || math.Abs(x) > 1<<53 {
		return nil, fmt.Errorf("%v is not a whole number", x)
	}
	return int64(x), nil
}

// plainDates turns the dates that YAML recognises back into text, and an empty
// text under as_of into no value.
func plainDates(v any) any {
	switch x := v.(type) {
	case map[string]any:
		for k, e := range x {
			x[k] = plainDates(e)
		}
		if x["as_of"] == "" {
			delete(x, "as_of")
		}
	case []any:
		for i := range x {
			x[i] = plainDates(x[i])
		}
	case time.Time:
		return data.DateOf(x).String()
	}
	return v
}

// envProvider reads DUNNING_… variables as if they stood in the file. Values
// are YAML. A variable that names no key is ignored, since others may use the
// prefix too, unless it is so near to a key that it must be a slip.
func envProvider(environ []string, raw map[string]any, f *faults) koanf.Provider {
	known := knownKeys("", reflect.TypeFor[Config](), raw)
	return env.Provider(".", env.Opt{
		Prefix:      envPrefix,
		EnvironFunc: func() []string { return slices.Sorted(slices.Values(environ)) },
		TransformFunc: func(name, value string) (string, any) {
			key := strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(name, envPrefix)), "__", ".")
			if !slices.Contains(known, key) {
				near, distance := nearest(key, known)
				f.check(distance > 2, "environment variable %s: no key %q; did you mean %s?", name, key,
					envPrefix+strings.ToUpper(strings.ReplaceAll(near, ".", "__")))
				return "", nil
			}
			var v any
			if err := yaml.Unmarshal([]byte(value), &v); err != nil {
				f.check(false, "environment variable %s: not a YAML value", name)
				return "", nil
			}
			return key, v
		},
	})
}

// unknownKeys adds a fault for every key of raw that t has no field for.
func unknownKeys(prefix string, raw any, t reflect.Type, f *faults) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch x := raw.(type) {
	case map[string]any:
		var fields map[string]reflect.Type
		var names []string
		if t.Kind() == reflect.Struct {
			fields, names = structKeys(t)
		}
		for _, key := range sortedKeys(x) {
			switch child, ok := fields[key]; {
			case ok:
				unknownKeys(prefix+key+".", x[key], child, f)
			case t.Kind() == reflect.Map:
				unknownKeys(prefix+key+".", x[key], t.Elem(), f)
			case t.Kind() == reflect.Struct:
				f.check(false, "%s%s: unknown key%s", prefix, key, suggest(key, names))
			}
		}
	case []any:
		if t.Kind() == reflect.Slice {
			for i, e := range x {
				unknownKeys(fmt.Sprintf("%s[%d].", strings.TrimSuffix(prefix, "."), i), e, t.Elem(), f)
			}
		}
	}
}

// knownKeys lists the dotted keys of t; keys of maps are those that raw has.
func knownKeys(prefix string, t reflect.Type, raw map[string]any) []string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	var keys []string
	if prefix != "" {
		keys = append(keys, strings.TrimSuffix(prefix, "."))
	}
	switch {
	case t.Kind() == reflect.Struct:
		fields, names := structKeys(t)
		for _, n := range names {
			child, _ := raw[n].(map[string]any)
			keys = append(keys, knownKeys(prefix+n+".", fields[n], child)...)
		}
	case t.Kind() == reflect.Map:
		for _, n := range sortedKeys(raw) {
			child, _ := raw[n].(map[string]any)
			keys = append(keys, knownKeys(prefix+n+".", t.Elem(), child)...)
		}
	}
	return keys
}

// structKeys returns the koanf keys of a struct, and their types.
func structKeys(t reflect.Type) (map[string]reflect.Type, []string) {
	fields, names := map[string]reflect.Type{}, []string(nil)
	for i := range t.NumField() {
		if key := t.Field(i).Tag.Get("koanf"); key != "" {
			fields[key] = t.Field(i).Type
			names = append(names, key)
		}
	}
	return fields, names
}

// suggest returns `; did you mean "x"?` for the nearest of names, or "" when
// none is near.
func suggest(key string, names []string) string {
	near, distance := nearest(key, names)
	if near == "" || distance > max(2, len(key)/2) {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", near)
}

// nearest returns the name with the least edit distance to key.
func nearest(key string, names []string) (string, int) {
	best, distance := "", math.MaxInt
	for _, n := range names {
		if d := data.EditDistance(key, n); d < distance {
			best, distance = n, d
		}
	}
	return best, distance
}

var envName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func isEnvName(s string) bool { return envName.MatchString(s) }

// redact hides what may be a secret behind its first letters.
func redact(s string) string {
	if len(s) <= 4 {
		return s
	}
	return s[:4] + "…"
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
