package data

import (
	"fmt"
	"strings"
)

// Channel is a way to reach a customer, or Hold: not reaching him.
type Channel string

// The channels, and Hold, the option of no touch and the control arm.
const (
	Hold     Channel = "hold"
	Email    Channel = "email"
	SMS      Channel = "sms"
	WhatsApp Channel = "whatsapp"
	Voice    Channel = "voice"
	Letter   Channel = "letter"
)

// Channels lists the touchable channels, in the order of every table, chart
// and tie-break: cheapest first.
var Channels = [...]Channel{Email, SMS, WhatsApp, Voice, Letter}

// ParseChannel reads a channel name; hold is not a channel. The error wraps
// [ErrUnknownChannel] and lists what is accepted.
func ParseChannel(s string) (Channel, error) {
	if c := Channel(s); c.Index() >= 0 {
		return c, nil
	}
	names := make([]string, len(Channels))
	for i, c := range Channels {
		names[i] = string(c)
	}
	return "", fmt.Errorf("%w %q (have %s)", ErrUnknownChannel, s, strings.Join(names, ", "))
}

// Index returns the position of c in [Channels], or -1 for Hold and for
// anything unknown.
func (c Channel) Index() int {
	for i, x := range Channels {
		if c == x {
			return i
		}
	}
	return -1
}

// Portuguese returns the name that a Brazilian manager reads.
func (c Channel) Portuguese() string {
	switch c {
	case Hold:
		return "não contatar"
	case Email:
		return "e-mail"
	case SMS:
		return "SMS"
	case WhatsApp:
		return "WhatsApp"
	case Voice:
		return "ligação (URA)"
	case Letter:
		return "carta"
	}
	return string(c)
}
