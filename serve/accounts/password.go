package accounts

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"dunning/data"
)

// What argon2id is given: OWASP's first choice for servers.
const (
	argonMemory = 19 << 10 // KiB
	argonTime   = 2
	argonLanes  = 1
	saltBytes   = 16
	hashBytes   = 32
)

// ErrPassword: the password is too easy to guess.
var ErrPassword = fmt.Errorf("%w: a password has 12 characters at least, more than three different ones, and does not hold the login", data.ErrUsage)

// checkPassword refuses what is guessed first. There are no rules of
// composition: they make passwords worse (NIST SP 800-63B, 3.1.1.2).
func checkPassword(login, password string) error {
	distinct := map[rune]bool{}
	for _, r := range password {
		distinct[r] = true
	}
	name, _, _ := strings.Cut(login, "@")
	if utf8.RuneCountInString(password) < shortestPassword || len(password) > longestPasswordSize || len(distinct) < 4 || !utf8.ValidString(password) ||
		strings.Contains(strings.ToLower(password), name) {
		return ErrPassword
	}
	return nil
}

// hash returns the PHC string of a password with a new salt.
func (s *Store) hash(ctx context.Context, password string) (string, error) {
	var salt [saltBytes]byte
	rand.Read(salt[:]) // never fails: the runtime ends the program instead
	sum, err := s.argon(ctx, password, salt[:], argonTime, argonMemory, argonLanes, hashBytes)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonMemory, argonTime, argonLanes,
		base64.RawStdEncoding.EncodeToString(salt[:]), base64.RawStdEncoding.EncodeToString(sum)), nil
}

// argon waits for a place: a flood of logins takes no more than a few times
// 19 MiB.
func (s *Store) argon(ctx context.Context, password string, salt []byte, time, memory uint32, lanes uint8, size uint32) ([]byte, error) {
	select {
	case s.hashing <- struct{}{}:
		defer func() { <-s.hashing }()
		return argon2.IDKey([]byte(password), salt, time, memory, lanes, size), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// stranger is what the password of a person who does not exist, or has none, is
// compared with: it takes as long, and no password fits.
const stranger = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

// fits compares a password with a PHC string.
func (s *Store) fits(ctx context.Context, phc, password string) (bool, error) {
	var (
		version      int
		memory, time uint32
		lanes        uint8
	)
	parts := strings.Split(phc, "$")
	if len(parts) != 6 || parts[1] != "argon2id" {
		return false, fmt.Errorf("accounts: %w: a stored password is not argon2id", data.ErrDamagedFile)
	}
	_, err := fmt.Sscanf(parts[2]+" "+parts[3], "v=%d m=%d,t=%d,p=%d", &version, &memory, &time, &lanes)
	salt, saltErr := base64.RawStdEncoding.DecodeString(parts[4])
	want, hashErr := base64.RawStdEncoding.DecodeString(parts[5])
	if err != nil || saltErr != nil || hashErr != nil || version != argon2.Version || memory > 1<<20 || time > 16 || time == 0 || lanes == 0 || len(want) < 16 {
		return false, fmt.Errorf("accounts: %w: a stored password cannot be read", data.ErrDamagedFile)
	}
	got, err := s.argon(ctx, password, salt, time, memory, lanes, uint32(len(want)))
	return err == nil && subtle.ConstantTimeCompare(got, want) == 1, err
}
