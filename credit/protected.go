package credit

import (
	"slices"
	"strings"
	"unicode"
)

// protectedWords are words in a column's name that mark a protected attribute,
// in English and Portuguese: what the constitution (art. 3, IV), the Lei 9.029
// and the LGPD's sensitive data (art. 5, II) name, and what the data sets call it.
var protectedWords = []string{
	"sex", "sexo", "gender", "genero", "female", "male", "pregnant", "gestante",
	"age", "idade", "birth", "birthday", "birthdate", "dob", "nascimento",
	"marriage", "marital", "married", "civil", "spouse", "conjuge",
	"race", "raca", "etnia", "ethnicity", "ethnic", "skin",
	"religion", "religiao", "foreign", "foreigner", "nationality", "nacionalidade", "estrangeiro", "naturalidade",
	"disability", "disabled", "deficiencia", "health", "saude",
	"union", "sindicato", "political", "partido", "orientation",
}

// Protected reports whether a column's name holds a word that marks a protected
// attribute. Words are parted by what is no letter and by a change from lower to
// upper case: "PERSONAL_STATUS_AND_SEX" and "applicantAge" are, "average" is not.
func Protected(name string) bool {
	return slices.ContainsFunc(words(name), func(w string) bool { return slices.Contains(protectedWords, w) })
}

// words splits a name into its words, in lower case and without accents.
func words(name string) []string {
	var out []string
	var word strings.Builder
	end := func() {
		if word.Len() > 0 {
			out = append(out, word.String())
			word.Reset()
		}
	}
	lower := false
	for _, c := range name {
		if !unicode.IsLetter(c) || unicode.IsUpper(c) && lower {
			end()
		}
		if unicode.IsLetter(c) {
			word.WriteRune(plain(unicode.ToLower(c)))
		}
		lower = unicode.IsLower(c)
	}
	end()
	return out
}

// plain takes the accent off a letter of Portuguese.
func plain(c rune) rune {
	for _, pair := range [...]struct {
		accented string
		letter   rune
	}{{"áàâã", 'a'}, {"éê", 'e'}, {"í", 'i'}, {"óôõ", 'o'}, {"úü", 'u'}, {"ç", 'c'}} {
		if strings.ContainsRune(pair.accented, c) {
			return pair.letter
		}
	}
	return c
}
