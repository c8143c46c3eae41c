package serve_test

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// document is the OpenAPI document, as far as the tests that are driven by it
// read it.
type document struct {
	Paths      map[string]map[string]*operation `json:"paths"`
	Components struct {
		Schemas map[string]*schema `json:"schemas"`
	} `json:"components"`
}

// operation is one method of one path.
type operation struct {
	Method, Path string                `json:"-"`
	OperationID  string                `json:"operationId"`
	Security     []map[string][]string `json:"security"`
	Parameters   []parameter           `json:"parameters"`
	RequestBody  *struct {
		Content map[string]media `json:"content"`
	} `json:"requestBody"`
	Responses map[string]struct {
		Description string           `json:"description"`
		Content     map[string]media `json:"content"`
	} `json:"responses"`
}

type media struct {
	Schema *schema `json:"schema"`
}

type parameter struct {
	Name     string  `json:"name"`
	In       string  `json:"in"` // path, query or header
	Required bool    `json:"required"`
	Schema   *schema `json:"schema"`
}

// schema is a JSON schema.
type schema struct {
	Ref        string             `json:"$ref"`
	Type       words              `json:"type"`
	Properties map[string]*schema `json:"properties"`
	Required   []string           `json:"required"`
	Items      *schema            `json:"items"`
	Additional json.RawMessage    `json:"additionalProperties"`
	Enum       []any              `json:"enum"`
	Minimum    *float64           `json:"minimum"`
	Maximum    *float64           `json:"maximum"`
	MinLength  *int               `json:"minLength"`
	MaxLength  *int               `json:"maxLength"`
	MinItems   *int               `json:"minItems"`
	MaxItems   *int               `json:"maxItems"`
	Pattern    string             `json:"pattern"`
	Format     string             `json:"format"`
	Encoding   string             `json:"contentEncoding"`
}

// words is a JSON string or a list of them.
type words []string

func (w *words) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		*w = words{""}
		return json.Unmarshal(b, &(*w)[0])
	}
	return json.Unmarshal(b, (*[]string)(w))
}

// readDocument reads the document and its operations, in a fixed order.
func readDocument(t testing.TB, text []byte) (*document, []*operation) {
	t.Helper()
	d := &document{}
	if err := json.Unmarshal(text, d); err != nil {
		t.Fatal(err)
	}
	var ops []*operation
	for path, methods := range d.Paths {
		for method, op := range methods {
			op.Method, op.Path = strings.ToUpper(method), path
			ops = append(ops, op)
		}
	}
	slices.SortFunc(ops, func(a, b *operation) int { return strings.Compare(a.OperationID, b.OperationID) })
	return d, ops
}

// roles are those that the document admits, nil for a public operation.
func (op *operation) roles() []string {
	if len(op.Security) == 0 {
		return nil
	}
	return op.Security[0]["bearer"]
}

// body is the schema of the JSON that the operation takes, nil for none.
func (op *operation) body() *schema {
	if op.RequestBody == nil {
		return nil
	}
	return op.RequestBody.Content["application/json"].Schema
}

// resolved follows a reference.
func (d *document) resolved(s *schema) *schema {
	if s != nil && s.Ref != "" {
		return d.Components.Schemas[strings.TrimPrefix(s.Ref, "#/components/schemas/")]
	}
	return s
}

// fault says how an answer differs from what the document says of it, "" where
// it does not.
func (d *document) fault(op *operation, a answer) string {
	response, ok := op.Responses[fmt.Sprint(a.status)]
	if !ok {
		return fmt.Sprintf("the status %d is not documented", a.status)
	}
	kind, _, _ := strings.Cut(a.header.Get("Content-Type"), ";")
	m, ok := response.Content[kind]
	if !ok && len(response.Content) > 0 {
		return fmt.Sprintf("the content type %q of %d is not documented", kind, a.status)
	}
	var v any
	switch {
	case m.Schema == nil || !strings.HasSuffix(kind, "json"):
		return ""
	case json.Unmarshal([]byte(a.body), &v) != nil:
		return "the answer is not JSON"
	}
	if err := d.check(m.Schema, v, "body"); err != nil {
		return err.Error()
	}
	if code, _ := v.(map[string]any)["code"].(string); a.status >= 400 && !regexp.MustCompile(`[ ,]`+code+`(,|$)`).MatchString(response.Description) {
		return fmt.Sprintf("the code %q of %d is not documented: %s", code, a.status, response.Description)
	}
	return ""
}

// check returns an error for a value that the schema does not allow.
func (d *document) check(s *schema, v any, place string) error {
	s = d.resolved(s)
	if s == nil {
		return fmt.Errorf("%s: the schema is missing", place)
	}
	kind := kindOf(v)
	if len(s.Type) > 0 && !slices.Contains(s.Type, kind) && !(kind == "integer" && slices.Contains(s.Type, "number")) {
		return fmt.Errorf("%s is %s, want %v", place, kind, s.Type)
	}
	if len(s.Enum) > 0 && v != nil && !slices.Contains(s.Enum, v) {
		return fmt.Errorf("%s is %v, want one of %v", place, v, s.Enum)
	}
	switch v := v.(type) {
	case map[string]any:
		return d.checkObject(s, v, place)
	case []any:
		if s.MinItems != nil && len(v) < *s.MinItems || s.MaxItems != nil && len(v) > *s.MaxItems {
			return fmt.Errorf("%s has %d items", place, len(v))
		}
		for i, item := range v {
			if s.Items != nil {
				if err := d.check(s.Items, item, fmt.Sprintf("%s[%d]", place, i)); err != nil {
					return err
				}
			}
		}
	case string:
		return s.checkText(v, place)
	case float64:
		if s.Minimum != nil && v < *s.Minimum || s.Maximum != nil && v > *s.Maximum {
			return fmt.Errorf("%s is %v, out of range", place, v)
		}
	}
	return nil
}

func (d *document) checkObject(s *schema, v map[string]any, place string) error {
	for _, name := range s.Required {
		if _, ok := v[name]; !ok {
			return fmt.Errorf("%s.%s is missing", place, name)
		}
	}
	for name, member := range v {
		known := s.Properties[name]
		if known == nil && len(s.Additional) > 0 && s.Additional[0] == '{' {
			known = &schema{}
			if err := json.Unmarshal(s.Additional, known); err != nil {
				return err
			}
		}
		if known == nil {
			if string(s.Additional) == "false" {
				return fmt.Errorf("%s.%s is not documented", place, name)
			}
			continue
		}
		if err := d.check(known, member, place+"."+name); err != nil {
			return err
		}
	}
	return nil
}

func (s *schema) checkText(v, place string) error {
	n := utf8.RuneCountInString(v)
	if s.MinLength != nil && n < *s.MinLength || s.MaxLength != nil && n > *s.MaxLength {
		return fmt.Errorf("%s has %d characters", place, n)
	}
	if s.Pattern != "" && !regexp.MustCompile(s.Pattern).MatchString(v) {
		return fmt.Errorf("%s is not like %s", place, s.Pattern)
	}
	form := map[string]string{"date": time.DateOnly, "date-time": time.RFC3339Nano}[s.Format]
	if form != "" {
		if _, err := time.Parse(form, v); err != nil {
			return fmt.Errorf("%s: %w", place, err)
		}
	}
	return nil
}

func kindOf(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case float64:
		if v == math.Trunc(v) {
			return "integer"
		}
		return "number"
	case string:
		return "string"
	case []any:
		return "array"
	}
	return "object"
}
