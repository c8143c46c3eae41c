package data

import "errors"

// Faults that a source row can have. A reader wraps them with the place:
// "extract: payments row 18231: data: negative amount". Each has a rule name
// ([RuleOf]) under which the quarantine keeps the row.
var (
	ErrMissingValue       = errors.New("data: missing value")
	ErrBadDate            = errors.New("data: bad date")
	ErrBadNumber          = errors.New("data: bad number")
	ErrNegativeAmount     = errors.New("data: negative amount")
	ErrUnknownCustomer    = errors.New("data: unknown customer")
	ErrUnknownInvoice     = errors.New("data: unknown invoice")
	ErrUnknownTouch       = errors.New("data: unknown touch")
	ErrDuplicateID        = errors.New("data: duplicate id")
	ErrPaymentBeforeIssue = errors.New("data: payment before issue")
	ErrDueBeforeIssue     = errors.New("data: due date before issue")
	ErrUnknownChannel     = errors.New("data: unknown channel")
	ErrUnknownKind        = errors.New("data: unknown kind")
	ErrBadProbability     = errors.New("data: probability outside (0, 1]")
	ErrBadDocument        = errors.New("data: CPF/CNPJ check digits do not match")
)

// Rules maps the rule name written to the quarantine to its sentinel.
var Rules = map[string]error{
	"missing_value":        ErrMissingValue,
	"bad_date":             ErrBadDate,
	"bad_number":           ErrBadNumber,
	"negative_amount":      ErrNegativeAmount,
	"unknown_customer":     ErrUnknownCustomer,
	"unknown_invoice":      ErrUnknownInvoice,
	"unknown_touch":        ErrUnknownTouch,
	"duplicate_id":         ErrDuplicateID,
	"payment_before_issue": ErrPaymentBeforeIssue,
	"due_before_issue":     ErrDueBeforeIssue,
	"unknown_channel":      ErrUnknownChannel,
	"unknown_kind":         ErrUnknownKind,
	"bad_probability":      ErrBadProbability,
	"bad_document":         ErrBadDocument,
}

// RuleOf returns the rule name of an error that wraps one of the sentinels,
// and "" for any other error.
func RuleOf(err error) string {
	for name, sentinel := range Rules {
		if errors.Is(err, sentinel) {
			return name
		}
	}
	return ""
}
