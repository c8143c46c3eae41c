package pipeline

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"dunning/data"
)

// documentKeyName is the file of the home's own HMAC key.
const documentKeyName = "document.key"

// minDocumentKey is the least length of a key, in bytes: below it the few
// billion possible documents could be tried against a guessed key.
const minDocumentKey = 16

// normalDocument strips punctuation from a CPF (11 digits) or CNPJ (14
// characters, letters allowed since July 2026) and checks its check digits. The
// error wraps [data.ErrBadDocument] and tells no more than the last two
// characters.
func normalDocument(s string) (string, error) {
	s = strings.ToUpper(strings.NewReplacer(".", "", "-", "", "/", "", " ", "").Replace(s))
	ok := false
	switch len(s) {
	case 11:
		ok = checkedCPF(s)
	case 14:
		ok = checkedCNPJ(s)
	}
	if !ok {
		return "", fmt.Errorf("%w: %s", data.ErrBadDocument, maskDocument(s))
	}
	return s, nil
}

func maskDocument(s string) string {
	n := max(len(s)-2, 0)
	return strings.Repeat("*", min(n, 20)) + s[n:]
}

// checkedCPF verifies both check digits: the weighted digit sum times ten,
// modulo eleven, ten counting as zero.
func checkedCPF(s string) bool {
	if strings.Trim(s, "0123456789") != "" || strings.Count(s, s[:1]) == len(s) {
		return false
	}
	for n := 9; n <= 10; n++ {
		sum := 0
		for i := range n {
			sum += int(s[i]-'0') * (n + 1 - i)
		}
		if sum*10%11%10 != int(s[n]-'0') {
			return false
		}
	}
	return true
}

// checkedCNPJ verifies both check digits. A letter counts as its ASCII code
// less 48 (Receita Federal, IN RFB 2.229/2024); the check digits are digits.
func checkedCNPJ(s string) bool {
	if strings.Trim(s[:12], "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" || strings.Trim(s[12:], "0123456789") != "" ||
		strings.Count(s, s[:1]) == len(s) {
		return false
	}
	for n := 12; n <= 13; n++ {
		sum := 0
		for i := range n {
			sum += int(s[i]-'0') * ((n-1-i)%8 + 2)
		}
		digit := 11 - sum%11
		if digit > 9 {
			digit = 0
		}
		if digit != int(s[n]-'0') {
			return false
		}
	}
	return true
}

// pseudonym is the keyed hash under which a document is kept.
func pseudonym(key []byte, document string) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(document))
	return hex.EncodeToString(mac.Sum(nil))
}

// documentKeyFromEnv returns the key that the configuration names, or nil when
// it names none. The error wraps [data.ErrUsage].
func documentKeyFromEnv(c QuarantineConfig) ([]byte, error) {
	if c.DocumentHMACKeyEnv == "" {
		return nil, nil
	}
	key := os.Getenv(c.DocumentHMACKeyEnv)
	if len(key) < minDocumentKey {
		return nil, fmt.Errorf("%w: environment variable %s (quarantine.document_hmac_key_env) holds %d bytes, it needs at least %d",
			data.ErrUsage, c.DocumentHMACKeyEnv, len(key), minDocumentKey)
	}
	return []byte(key), nil
}

// homeDocumentKey returns the home's own key and makes it at the first use.
func homeDocumentKey(home string) ([]byte, error) {
	path := filepath.Join(home, documentKeyName)
	b, err := os.ReadFile(path)
	if err == nil {
		key, err := hex.DecodeString(strings.TrimSpace(string(b)))
		if err != nil || len(key) < minDocumentKey {
			return nil, fmt.Errorf("%w: %s is not a key of at least %d bytes in hex; restore it, or remove it and run extract with --force: pseudonyms change then",
				data.ErrUsage, path, minDocumentKey)
		}
		return key, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %w", data.ErrUsage, err)
	}
	key := make([]byte, 32)
	rand.Read(key) // never fails
	return key, writeDocumentKey(home, key)
}

// WriteSimulatedKey gives a home whose customers are invented a key that is the
// same in every such home, so that the same portfolio has the same pseudonyms.
// It keeps nothing secret. A key that is there stays.
func WriteSimulatedKey(home string) error {
	if _, err := os.Lstat(filepath.Join(home, documentKeyName)); err == nil {
		return nil
	}
	key := sha256.Sum256([]byte("dunning: key of simulated portfolios"))
	return writeDocumentKey(home, key[:])
}

// writeDocumentKey makes the key appear whole or not at all, and never in place
// of another.
func writeDocumentKey(home string, key []byte) error {
	path := filepath.Join(home, documentKeyName)
	f, err := os.CreateTemp(home, "."+documentKeyName+".tmp-*") // nobody else may read it
	if err != nil {
		return homeError(home, err)
	}
	defer os.Remove(f.Name())
	_, err = fmt.Fprintln(f, hex.EncodeToString(key))
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = errors.Join(os.Link(f.Name(), path), data.SyncDir(home))
	}
	return homeError(home, err)
}
