package pipeline

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"dunning/data"
)

// Setting is one key of a YAML file's section.
type Setting struct{ Key, Value string }

// Fragment writes settings as a section of a YAML file.
func Fragment(section string, settings []Setting) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:\n", section)
	for _, s := range settings {
		fmt.Fprintf(&b, "  %s: %s\n", s.Key, s.Value)
	}
	return b.String()
}

// WriteSettings sets keys of a section of a YAML file and leaves every other
// byte, comments among them, as it is. Values are plain numbers. A file that is
// no such YAML, or writes the section in braces, is an error that wraps
// [data.ErrUsage]; nothing is written then.
func WriteSettings(path, section string, settings []Setting) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("%w: %w", data.ErrUsage, err)
	}
	out, err := setKeys(b, section, settings)
	if err != nil {
		return fmt.Errorf("%w: %s: %w; write the fragment there by hand", data.ErrUsage, path, err)
	}
	return data.WriteFile(path, out)
}

func setKeys(b []byte, section string, settings []Setting) ([]byte, error) {
	lines := strings.SplitAfter(string(b), "\n")
	key, value, err := sectionOf(b, section)
	switch {
	case err != nil:
		return nil, err
	case key == nil:
		if len(b) > 0 && b[len(b)-1] != '\n' {
			lines = append(lines, "\n")
		}
		lines = append(lines, "\n", Fragment(section, settings))
	case value.Kind == yaml.MappingNode && value.Style&yaml.FlowStyle == 0:
		if err := setInBlock(lines, value, settings); err != nil {
			return nil, err
		}
	case value.Tag == "!!null" && value.Value == "":
		body := strings.TrimPrefix(Fragment(section, settings), section+":\n")
		lines[key.Line-1] = strings.TrimSuffix(lines[key.Line-1], "\n") + "\n" + body
	default:
		return nil, fmt.Errorf("%s in line %d is no block of keys", section, key.Line)
	}
	out := []byte(strings.Join(lines, ""))
	return out, verifySettings(out, section, settings)
}

// setInBlock replaces the values that are there and puts the others before the
// first key.
func setInBlock(lines []string, block *yaml.Node, settings []Setting) error {
	first := block.Content[0]
	var missing string
	for _, s := range settings {
		at := slices.IndexFunc(block.Content, func(n *yaml.Node) bool { return n.Value == s.Key })
		if at < 0 || at%2 == 1 {
			missing += strings.Repeat(" ", first.Column-1) + s.Key + ": " + s.Value + "\n"
			continue
		}
		v := block.Content[at+1]
		line := lines[v.Line-1]
		if v.Kind != yaml.ScalarNode || v.Column > len(line) || !strings.HasPrefix(line[v.Column-1:], v.Value) {
			return fmt.Errorf("%s in line %d is no plain number", s.Key, v.Line)
		}
		lines[v.Line-1] = line[:v.Column-1] + s.Value + line[v.Column-1+len(v.Value):]
	}
	lines[first.Line-1] = missing + lines[first.Line-1]
	return nil
}

// sectionOf finds a key of the document and its value, nil where there is none.
func sectionOf(b []byte, section string) (key, value *yaml.Node, err error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(b, &doc); err != nil {
		return nil, nil, err
	}
	if len(doc.Content) == 0 {
		return nil, nil, nil
	}
	root := doc.Content[0]
	if root.Kind != yaml.MappingNode {
		return nil, nil, fmt.Errorf("it has no sections")
	}
	for k := 0; k+1 < len(root.Content); k += 2 {
		if root.Content[k].Value == section {
			return root.Content[k], root.Content[k+1], nil
		}
	}
	return nil, nil, nil
}

// verifySettings reads back what was set.
func verifySettings(b []byte, section string, settings []Setting) error {
	_, value, err := sectionOf(b, section)
	if err != nil {
		return err
	}
	if value == nil || value.Kind != yaml.MappingNode {
		return fmt.Errorf("%s cannot be set", section)
	}
	got := map[string]string{}
	for k := 0; k+1 < len(value.Content); k += 2 {
		got[value.Content[k].Value] = value.Content[k+1].Value
	}
	for _, s := range settings {
		if got[s.Key] != s.Value {
			return fmt.Errorf("%s.%s cannot be set", section, s.Key)
		}
	}
	return nil
}
