package data_test

import (
	"errors"
	"fmt"
	"testing"

	"dunning/data"
)

func ptr[T any](v T) *T { return &v }

func TestRowsNameTheirFirstFault(t *testing.T) {
	customer := data.Customer{CustomerID: "c1", Kind: data.PF}
	invoice := data.Invoice{InvoiceID: "i1", CustomerID: "c1", IssuedOn: 10, DueOn: 40, AmountCents: 100}
	payment := data.Payment{PaymentID: "p1", InvoiceID: "i1", CustomerID: "c1"}
	touch := data.Touch{TouchID: "t1", CustomerID: "c1", Channel: data.Hold}
	type row interface{ Validate() error }
	for _, tc := range []struct {
		name string
		row  row
		want error
	}{
		{"customer", customer, nil},
		{"customer without id", data.Customer{Kind: data.PF}, data.ErrMissingValue},
		{"customer of no kind", data.Customer{CustomerID: "c1"}, data.ErrUnknownKind},
		{"preferring no channel of ours", data.Customer{CustomerID: "c1", Kind: data.PJ, PreferredChannel: "fax"}, data.ErrUnknownChannel},
		{"invoice", invoice, nil},
		{"invoice due before issue", data.Invoice{InvoiceID: "i", CustomerID: "c", IssuedOn: 2, DueOn: 1}, data.ErrDueBeforeIssue},
		{"negative invoice", data.Invoice{InvoiceID: "i", CustomerID: "c", AmountCents: -1}, data.ErrNegativeAmount},
		{"payment", payment, nil},
		{"payment of no invoice", data.Payment{PaymentID: "p", CustomerID: "c"}, data.ErrMissingValue},
		{"logged hold", touch, nil},
		{"touch on no channel", data.Touch{TouchID: "t", CustomerID: "c", Channel: "pigeon"}, data.ErrUnknownChannel},
		{"impossible probability", data.Touch{TouchID: "t", CustomerID: "c", Channel: data.SMS, TreatProb: ptr(0.0)}, data.ErrBadProbability},
		{"event", data.TouchEvent{TouchID: "t", Kind: data.EventOpened}, nil},
		{"event of no kind", data.TouchEvent{TouchID: "t", Kind: "eaten"}, data.ErrUnknownKind},
		{"negative promise", data.Promise{PromiseID: "p", CustomerID: "c", AmountCents: -5}, data.ErrNegativeAmount},
		{"negative count of records", data.BureauReport{CustomerID: "c", NegativeRecords: -1}, data.ErrBadNumber},
		{"candidate to hold", data.Candidate{CustomerID: "c", Channel: data.Hold}, data.ErrUnknownChannel},
		{"candidate paid to send", data.Candidate{CustomerID: "c", Channel: data.SMS, CostCents: -1}, data.ErrNegativeAmount},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if err := tc.row.Validate(); !errors.Is(err, tc.want) || (tc.want == nil) != (err == nil) {
				t.Errorf("Validate() = %v, want %v", err, tc.want)
			}
		})
	}
}

func TestEveryRuleExitsAsBadInput(t *testing.T) {
	for name, sentinel := range data.Rules {
		err := fmt.Errorf("extract: payments row 7: %w", sentinel)
		if data.RuleOf(err) != name || data.ExitCode(err) != 3 {
			t.Errorf("%s: RuleOf = %q, ExitCode = %d", name, data.RuleOf(err), data.ExitCode(err))
		}
	}
	if got := data.ExitCode(fmt.Errorf("plan: %w", data.ErrRefused)); got != 4 {
		t.Errorf("refused exits with %d, want 4", got)
	}
}

func TestParseChannelListsWhatItAccepts(t *testing.T) {
	_, err := data.ParseChannel("fax")
	if want := `data: unknown channel "fax" (have email, sms, whatsapp, voice, letter)`; err == nil || err.Error() != want {
		t.Errorf("ParseChannel = %v, want %s", err, want)
	}
	if _, err := data.ParseChannel("hold"); err == nil {
		t.Error("hold is not a channel, yet ParseChannel took it")
	}
}
