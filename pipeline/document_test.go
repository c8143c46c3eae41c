package pipeline

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dunning/data"
)

func TestNormalDocument(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"CPF with punctuation", "529.982.247-25", "52998224725"},
		{"CPF as digits", "11144477735", "11144477735"},
		{"CPF whose check sum is ten", "000.000.001-91", "00000000191"},
		{"CNPJ", "11.222.333/0001-81", "11222333000181"},
		// The example of Receita Federal's description of the new CNPJ.
		{"CNPJ with letters", "12.ABC.345/01DE-35", "12ABC34501DE35"},
		{"CNPJ with small letters", "12.abc.345/01de-35", "12ABC34501DE35"},
		{"first check digit", "529.982.247-15", ""},
		{"second check digit", "529.982.247-26", ""},
		{"all digits alike", "111.111.111-11", ""},
		{"zero", "00.000.000/0000-00", ""},
		{"wrong CNPJ", "11.222.333/0001-82", ""},
		{"letter for a check digit", "12ABC34501DE3A", ""},
		{"letters in a CPF", "5299822472A", ""},
		{"too short", "5299822472", ""},
		{"nothing", "", ""},
		{"other script", "５２９９８２２４７２５", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := normalDocument(tt.in)
			if got != tt.want || (err == nil) != (tt.want != "") {
				t.Fatalf("%q, %v", got, err)
			}
			if err != nil && (!errors.Is(err, data.ErrBadDocument) || len(tt.in) > 2 && strings.Contains(err.Error(), tt.in)) {
				t.Errorf("error %v", err)
			}
		})
	}
}

// Whatever comes in, what passes is a plain document that passes again.
func FuzzNormalDocument(f *testing.F) {
	for _, s := range []string{"529.982.247-25", "11222333000181", "12.abc.345/01DE-35", "x", "\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := normalDocument(s)
		if err != nil {
			if !errors.Is(err, data.ErrBadDocument) {
				t.Error(err)
			}
			return
		}
		if again, err := normalDocument(got); err != nil || again != got || len(got) != 11 && len(got) != 14 {
			t.Errorf("%q gave %q, then %q, %v", s, got, again, err)
		}
	})
}

func TestHomeDocumentKey(t *testing.T) {
	home := t.TempDir()
	first, err := homeDocumentKey(home)
	if err != nil || len(first) < minDocumentKey {
		t.Fatal(first, err)
	}
	second, err := homeDocumentKey(home)
	if err != nil || string(second) != string(first) {
		t.Errorf("the key did not stay: %v", err)
	}
	info, err := os.Stat(filepath.Join(home, documentKeyName))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("others may read the key: %v %v", info.Mode(), err)
	}
	other, err := homeDocumentKey(t.TempDir())
	if err != nil || string(other) == string(first) {
		t.Errorf("two homes share a key: %v", err)
	}
	demo, another := t.TempDir(), t.TempDir()
	for _, home := range []string{demo, demo, another} { // the second time it stays
		if err := WriteSimulatedKey(home); err != nil {
			t.Fatal(err)
		}
	}
	invented, err := homeDocumentKey(demo)
	if same, serr := homeDocumentKey(another); err != nil || serr != nil || len(invented) != 32 || string(same) != string(invented) {
		t.Errorf("the keys of two simulated portfolios: %v %v, %v %v", invented, err, same, serr)
	}
}
