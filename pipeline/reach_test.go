package pipeline

import (
	"slices"
	"testing"
	"time"

	"dunning/data"
	"dunning/features"
	"dunning/models/reach"
)

func TestReachCustomerReadsWhatWasKnownInHisOwnHours(t *testing.T) {
	at := func(s string) time.Time {
		v, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	h := features.NewHistory(features.History{
		Touches: []data.Touch{
			{TouchID: "a", Channel: data.SMS, SentAt: at("2025-03-03T12:00:00Z")},
			{TouchID: "hold", Channel: data.Hold, SentAt: at("2025-03-04T12:00:00Z")},
			{TouchID: "b", Channel: data.Email, SentAt: at("2025-03-05T12:00:00Z")},
			{TouchID: "later", Channel: data.SMS, SentAt: at("2025-03-06T12:00:00Z")},
		},
		Events: []data.TouchEvent{
			{TouchID: "a", At: at("2025-03-03T12:00:05Z"), Kind: data.EventDelivered},
			{TouchID: "a", At: at("2025-03-03T22:10:00Z"), Kind: data.EventOpened},
			{TouchID: "a", At: at("2025-03-04T10:10:00Z"), Kind: data.EventOpened},
			{TouchID: "b", At: at("2025-03-05T12:00:05Z"), Kind: data.EventDelivered},
			{TouchID: "b", At: at("2025-03-06T01:00:00Z"), Kind: data.EventOpened},
		},
	})
	got := ReachCustomer(h, time.FixedZone("three hours behind", -3*3600), data.MakeDate(2025, 3, 6), 4)
	day := data.MakeDate(2025, 3, 3)
	want := []reach.Touch{{Channel: data.SMS.Index(), Day: day, Delivered: true, OpenedHour: 19},
		{Channel: data.Email.Index(), Day: day + 2, Delivered: true, OpenedHour: -1}}
	if got.Segment != 4 || !slices.Equal(got.Touches, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}
