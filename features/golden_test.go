package features_test

import (
	"math"
	"testing"
	"time"

	"dunning/data"
	"dunning/features"
)

// day reads a date of a test.
func day(s string) data.Date {
	d, err := data.ParseDate(s)
	if err != nil {
		panic(err)
	}
	return d
}

// noon returns an instant of a day.
func noon(s string) time.Time { return at(day(s), 12) }

func invoice(id, issued, due string, cents data.Cents) data.Invoice {
	return data.Invoice{InvoiceID: id, CustomerID: "c1", IssuedOn: day(issued), DueOn: day(due), AmountCents: cents, Currency: "BRL", Product: "carne"}
}

func cancelled(v data.Invoice, on string) data.Invoice {
	d := day(on)
	v.CancelledOn = &d
	return v
}

func payment(id, invoiceID, on string, cents data.Cents) data.Payment {
	return data.Payment{PaymentID: id, InvoiceID: invoiceID, CustomerID: "c1", PaidAt: noon(on), AmountCents: cents}
}

func touch(id string, ch data.Channel, on string) data.Touch {
	return data.Touch{TouchID: id, CustomerID: "c1", Channel: ch, SentAt: noon(on)}
}

func event(touchID string, kind data.TouchEventKind, on time.Time) data.TouchEvent {
	return data.TouchEvent{TouchID: touchID, CustomerID: "c1", Kind: kind, At: on}
}

func promise(id, made, due string, cents data.Cents, instalment int32) data.Promise {
	return data.Promise{PromiseID: id, CustomerID: "c1", MadeAt: noon(made), DueOn: day(due), AmountCents: cents, InstalmentNo: instalment}
}

// values returns the row of a decision point by name.
func values(h features.History, asOf, at data.Date) map[string]float64 {
	c := newTestComputer()
	row := make([]float32, len(c.Names()))
	c.Row(features.NewHistory(h), asOf, at, row)
	m := map[string]float64{}
	for j, name := range c.Names() {
		m[name] = float64(row[j])
	}
	return m
}

// unknown is the expected value of what is missing.
var unknown = math.NaN()

// checkValues compares the expected features, to float32 precision.
func checkValues(t *testing.T, got, want map[string]float64) {
	t.Helper()
	for name, w := range want {
		g, ok := got[name]
		switch {
		case !ok:
			t.Errorf("%s: no such feature", name)
		case math.IsNaN(w) != math.IsNaN(g), math.Abs(g-w) > 1e-5*max(1, math.Abs(w)):
			t.Errorf("%s = %v, want %v", name, g, w)
		}
	}
}

// goldenAsOf is a Monday; its month's payday was Thursday 7 March.
const goldenAsOf = "2024-03-11"

// Every expected number below is worked out by hand in its comment.
func TestFamiliesAgainstHandComputedValues(t *testing.T) {
	for _, tc := range []struct {
		name    string
		history features.History
		at      string
		want    map[string]float64
	}{
		{"aging at AsOf", agingStory(), goldenAsOf, map[string]float64{
			"f_aging_balance_cents":            14000,                // A 10000−4000, B 2000, C 5000, F 1000 (its cancellation is of AsOf: not known)
			"f_aging_overdue_cents":            12000,                // all but B
			"f_aging_overdue_share":            12.0 / 14,            //
			"f_aging_open_count":               4,                    // A B C F; D is of AsOf, E is cancelled
			"f_aging_oldest_past_due_days":     46,                   // C: 25 Jan + 31 = 25 Feb, + 15 (leap year) = 11 Mar
			"f_aging_youngest_past_due_days":   -4,                   // B: due 15 Mar
			"f_aging_mean_past_due_days":       440000.0 / 14000,     // (6000·30 − 2000·4 + 5000·46 + 1000·38) ÷ 14000
			"f_aging_not_due_cents":            2000,                 // B
			"f_aging_past_due_1_30_cents":      6000,                 // A, 30 days
			"f_aging_past_due_31_60_cents":     6000,                 // C 46, F 38 days
			"f_aging_past_due_61_90_cents":     0,                    //
			"f_aging_past_due_91_up_cents":     0,                    //
			"f_aging_next_due_days":            4,                    // B
			"f_aging_part_paid_share":          4000.0 / 18000,       // A's 4000 of 10000 + 2000 + 5000 + 1000
			"f_mix_oldest_amount_cents":        5000,                 // C
			"f_mix_oldest_amount_ratio":        5000 / (25000.0 / 5), // mean of A B C E F: (10000+2000+5000+7000+1000) ÷ 5
			"f_mix_oldest_term_days":           20,                   // 5 Jan to 25 Jan
			"f_mix_cancelled_share":            1.0 / 5,              // E
			"f_mix_invoices_count":             5,                    //
			"f_mix_invoices_90_count":          5,                    // all since 12 Dec
			"f_mix_since_issue_days":           39,                   // B, 1 Feb: 28 to 29 Feb, + 11
			"f_mix_same_product_on_time_share": 0,                    // due and not cancelled: A C F, none on time
		}},
		{"aging two days later, with today's knowledge", agingStory(), "2024-03-13", map[string]float64{
			"f_aging_balance_cents":        14000,
			"f_aging_oldest_past_due_days": 48,
			"f_aging_past_due_1_30_cents":  0, // A is 32 days past due now
			"f_aging_past_due_31_60_cents": 12000,
			"f_aging_next_due_days":        2,
			"f_mix_since_issue_days":       41,
			"f_mix_invoices_90_count":      5, // not elapsed time: as at AsOf
		}},
		{"nothing open", features.History{Invoices: []data.Invoice{cancelled(invoice("E", "2024-01-01", "2024-02-01", 7000), "2024-03-10")}}, goldenAsOf, map[string]float64{
			"f_aging_balance_cents":          0,
			"f_aging_open_count":             0,
			"f_aging_overdue_share":          unknown,
			"f_aging_oldest_past_due_days":   unknown,
			"f_aging_youngest_past_due_days": unknown,
			"f_aging_next_due_days":          unknown,
			"f_mix_product_code":             unknown,
			"f_cohort_product_on_time_share": unknown,
		}},
		{"payment history", payhistStory(), goldenAsOf, map[string]float64{
			"f_payhist_payments_count":         3,
			"f_payhist_paid_90_cents":          4000,                     // all since 12 Dec
			"f_payhist_since_payment_days":     26,                       // 14 Feb + 15 = 29 Feb, + 11
			"f_payhist_gap_ratio":              26 / 18.5,                // gaps: 8 Jan to 14 Feb is 37 days in 2 steps
			"f_payhist_usual_payment_cents":    4000.0 / 3,               //
			"f_payhist_balance_vs_usual_ratio": 2000 / (4000.0 / 3),      // P3 is open
			"f_payhist_partial_share":          1.0 / 3,                  // the 1000 of 7 Feb
			"f_payhist_on_time_share":          1.0 / 3,                  // P1 of P1 P2 P3
			"f_payhist_on_time_180_share":      1.0 / 3,                  //
			"f_payhist_collected_share":        4000.0 / 6000,            //
			"f_payhist_late_mean_days":         (-2*1000 + 4*3000) / 4e3, // P1 two days early, P2 four late
			"f_payhist_late_max_days":          4,                        //
			"f_payhist_late_sd_days":           math.Sqrt(18),            // mean 1, deviations ±3, one degree of freedom
			"f_payhist_late_last_days":         4,                        // P2
			"f_payhist_late_trend_days":        unknown,                  // nothing before the last three
			"f_payhist_late_vs_usual_days":     10 - 2.5,                 // P3 due 1 Mar
			"f_payhist_untouched_share":        1,                        // P2 was late, and nobody wrote
			"f_payhist_near_payday_share":      2.0 / 3,                  // paydays 8 Jan (1st is a holiday), 7 Feb; 14 Feb is the 3rd business day after: Carnival
			"f_payhist_same_weekday_share":     1.0 / 3,                  // Monday 8 Jan; the others are Wednesdays
			"f_mix_same_product_on_time_share": 1.0 / 3,
		}},
		{"typical day of the month", features.History{
			Invoices: []data.Invoice{invoice("A", "2024-01-01", "2024-01-30", 100), invoice("B", "2024-01-01", "2024-01-30", 100)},
			Payments: []data.Payment{payment("1", "A", "2024-01-05", 100), payment("2", "B", "2024-02-09", 100)},
		}, goldenAsOf, map[string]float64{
			"f_payhist_usual_monthday_days":           7,                              // between 5 and 9
			"f_payhist_usual_monthday_strength_share": math.Cos(2 * math.Pi * 2 / 31), // each 2 of 31 days off
			"f_payhist_to_usual_monthday_days":        27,                             // 11 forward to 31 + 7
		}},
		{"trend of lateness", features.History{
			Invoices: []data.Invoice{invoice("A", "2024-01-01", "2024-01-10", 100), invoice("B", "2024-01-01", "2024-01-10", 100),
				invoice("C", "2024-01-01", "2024-01-10", 100), invoice("D", "2024-01-01", "2024-01-10", 100), invoice("E", "2024-01-01", "2024-01-10", 100)},
			Payments: []data.Payment{payment("1", "A", "2024-01-08", 100), payment("2", "B", "2024-01-10", 100),
				payment("3", "C", "2024-01-13", 100), payment("4", "D", "2024-01-14", 100), payment("5", "E", "2024-01-18", 100)},
		}, goldenAsOf, map[string]float64{
			"f_payhist_late_trend_days": 5 - (-1), // last three: (3+4+8) ÷ 3; before: (−2+0) ÷ 2
			"f_payhist_late_last_days":  8,
		}},
		{"touches and responses", touchStory(), goldenAsOf, map[string]float64{
			"f_touchhist_touches_count":       4,
			"f_touchhist_touches_7_count":     1, // ages 6, 13, 20 and 39 days
			"f_touchhist_touches_14_count":    2,
			"f_touchhist_touches_30_count":    3,
			"f_touchhist_decayed_count":       math.Exp2(-6.0/7) + math.Exp2(-13.0/7) + math.Exp2(-20.0/7) + math.Exp2(-39.0/7),
			"f_touchhist_since_touch_days":    6,
			"f_touchhist_since_email_days":    6,
			"f_touchhist_since_sms_days":      13,
			"f_touchhist_since_voice_days":    unknown,
			"f_touchhist_last_channel_code":   0,
			"f_touchhist_since_payment_count": 1, // 5 Mar, after 1 Mar
			"f_touchhist_step_count":          4,
			"f_touchhist_holds_count":         3,
			// Closed: 3 holds, none answered; email 1 of 1; sms 1 of 2. All
			// (2 + 4·0.2) ÷ (6 + 4) = 0.28; holds (0 + 4·0.28) ÷ (3 + 4) = 0.16.
			"f_touchhist_hold_response_share":       0.16,
			"f_touchhist_touch_response_gain_share": 1.52 / 7,                    // (2 − 3·0.16) ÷ (3 + 4)
			"f_touchhist_email_response_gain_share": (1 - 0.16 + 4*1.52/7) / 5,   //
			"f_touchhist_sms_response_gain_share":   (1 - 2*0.16 + 4*1.52/7) / 6, //
			"f_touchhist_voice_response_gain_share": 1.52 / 7,                    // no evidence: that of all touches
			// Stage 1 to 30 days past due, from 21 Feb: hold 0 of 1, sms 1 of 1;
			// its holds (0 + 4·0.16) ÷ 5 = 0.128.
			"f_touchhist_stage_response_gain_share": (1 - 0.128 + 4*1.52/7) / 5,
			"f_payhist_untouched_share":             unknown,
		}},
		// A is open on 20 days, 2 to 21 January, B on 9 until AsOf, 2 to 10 March:
		// 2.9 payments expected at 0.1 a day, 1 came.
		{"pace without touches", paceStory(), goldenAsOf, map[string]float64{
			"f_payhist_pace_ratio":         2.22449 / 4.9,          // all (1 + 2) ÷ (2.9 + 2) = 0.612245; quiet (1 + 2·0.612245) ÷ 4.9
			"f_payhist_pace_90_ratio":      (1 + 2*0.453978) / 4.9, // the same days, pulled to the pace
			"f_payhist_expected_7_count":   7 * 0.1 * 0.453978,     // B
			"f_touchhist_touch_echo_ratio": 1,
		}},
		// The e-mail of 19 January keeps 19 to 25 January out of the quiet days:
		// 1.7 + 0.9 expected on them, nothing came.
		{"pace with a touch", paceStory(touch("e", data.Email, "2024-01-19")), goldenAsOf, map[string]float64{
			"f_payhist_pace_ratio":         0.266193,                  // (0 + 2·0.612245) ÷ (2.6 + 2)
			"f_touchhist_touch_echo_ratio": 2 / 1.079858,              // 1 came in 19 to 22 January, 0.266193·0.3 expected; (1 + 1) ÷ (0.079858 + 1)
			"f_touchhist_email_echo_ratio": (1 + 1.852095) / 1.079858, //
			"f_touchhist_sms_echo_ratio":   1.852095,                  // no evidence: that of all touches
			"f_touchhist_stage_echo_ratio": 1.852095,                  // B is not due, A was 8 days late
		}},
		{"engagement", engagementStory(), goldenAsOf, map[string]float64{
			"f_engagement_delivered_share":            2.0 / 3, // e1 and s1 of e1 e2 s1
			"f_engagement_opens_30_count":             2,       // 21 Feb twice; 1 Feb is 39 days ago; 11 Mar is not known
			"f_engagement_clicks_30_count":            1,
			"f_engagement_replies_90_count":           0,
			"f_engagement_complaints_count":           1,
			"f_engagement_since_open_days":            19,             // 21 Feb
			"f_engagement_since_click_days":           19,             //
			"f_engagement_open_lag_hours":             (24.0 + 2) / 2, // first opens: s1 a day, e1 two hours after
			"f_engagement_email_opened_share":         1.0 / 2,
			"f_engagement_sms_opened_share":           1,
			"f_engagement_email_opened_gain_share":    0,       // (1 − 2·0.5) ÷ (2 + 3)
			"f_engagement_sms_opened_gain_share":      0.5 / 4, // (1 − 1·0.5) ÷ (1 + 3)
			"f_engagement_whatsapp_opened_gain_share": 0,
			"f_engagement_whatsapp_opened_share":      unknown,
			"f_engagement_email_bounced_flag":         1, // e2
			"f_engagement_sms_bounced_flag":           0,
			"f_engagement_letter_bounced_flag":        unknown,
		}},
		{"promises", promiseStory(), goldenAsOf, map[string]float64{
			"f_promises_promises_count":     4,
			"f_promises_since_promise_days": 6,       // Q4, 5 Mar
			"f_promises_kept_share":         1.0 / 2, // Q1 kept, Q2 broken; one payment does not keep both
			"f_promises_broken_count":       1,
			"f_promises_since_broken_days":  8,    // Q2's grace ended on 3 Mar
			"f_promises_open_cents":         1200, // Q3 500 within grace, Q4 700
			"f_promises_next_due_days":      -3,   // Q3, 8 Mar
		}},
		{"bureau", features.History{Bureau: []data.BureauReport{
			{At: noon("2024-01-10"), Provider: "serasa", Score: 600, NegativeRecords: 1},
			{At: noon("2024-02-10"), Provider: "spc", Score: 100, NegativeRecords: 0},
			{At: noon("2024-03-01"), Provider: "serasa", Score: 550, NegativeRecords: 3},
			{At: noon(goldenAsOf), Provider: "serasa", Score: 900},
		}}, goldenAsOf, map[string]float64{
			"f_bureau_latest_score":       550,
			"f_bureau_score_change_score": -50, // against serasa's 600, not spc's 100
			"f_bureau_negatives_count":    3,
			"f_bureau_since_report_days":  10,
			"f_bureau_reports_count":      3,
		}},
		{"disputes", features.History{
			Invoices: []data.Invoice{
				{InvoiceID: "A", IssuedOn: 19700, DueOn: 19740, AmountCents: 3000},
				{InvoiceID: "B", IssuedOn: 19700, DueOn: 19740, AmountCents: 1000},
			},
			Payments: []data.Payment{{PaymentID: "P", InvoiceID: "A", PaidAt: noon("2024-02-20"), AmountCents: 600}},
			Disputes: []data.Dispute{
				{InvoiceID: "A", At: noon("2024-02-01"), Kind: data.DisputeOpened},
				{InvoiceID: "A", At: noon("2024-02-10"), Kind: data.DisputeClosed},
				{InvoiceID: "A", At: noon("2024-03-01"), Kind: data.DisputeOpened},
				{InvoiceID: "A", At: noon("2024-03-05"), Kind: data.DisputeOpened}, // said twice
				{InvoiceID: "A", At: noon(goldenAsOf), Kind: data.DisputeClosed},   // not known yet
				{InvoiceID: "B", At: noon(goldenAsOf), Kind: data.DisputeOpened},
				{InvoiceID: "C", At: noon("2024-03-06"), Kind: data.DisputeOpened}, // of an invoice that is not there
			},
		}, goldenAsOf, map[string]float64{
			"f_disputes_disputes_count":     2,
			"f_disputes_since_dispute_days": 10,
			"f_disputes_open_cents":         2400,
			"f_disputes_open_share":         2400.0 / 3400,
		}},
		{"disputes of all", features.History{
			Invoices: []data.Invoice{
				{InvoiceID: "A", IssuedOn: 19700, DueOn: 19740, AmountCents: 3000},
				{InvoiceID: "B", IssuedOn: 19780, DueOn: 19790, AmountCents: 1000}, // 27 February
			},
			Disputes: []data.Dispute{
				{At: noon("2024-02-01"), Kind: data.DisputeOpened},
				{InvoiceID: "A", At: noon("2024-02-10"), Kind: data.DisputeClosed},
				{At: noon("2024-02-20"), Kind: data.DisputeClosed},
			},
		}, goldenAsOf, map[string]float64{
			"f_disputes_disputes_count":     1,
			"f_disputes_since_dispute_days": 39,
			"f_disputes_open_cents":         0,
			"f_disputes_open_share":         0,
		}},
		{"calendar", features.History{}, goldenAsOf, map[string]float64{
			"f_calendar_weekday_code":       1,
			"f_calendar_monthday_days":      11,
			"f_calendar_month_code":         3,
			"f_calendar_to_month_end_days":  20,
			"f_calendar_since_payday_bdays": 2,  // 8 and 11 March after Thursday 7
			"f_calendar_until_payday_bdays": 18, // 12–15, 18–22, 25–28 March (29 is Good Friday), 1–5 April
			"f_calendar_business_day_flag":  1,
		}},
		{"calendar on a payday", features.History{}, "2024-04-05", map[string]float64{
			"f_calendar_since_payday_bdays": 0,
			"f_calendar_until_payday_bdays": 0,
			"f_calendar_weekday_code":       5,
		}},
		{"calendar on Good Friday", features.History{}, "2024-03-29", map[string]float64{
			"f_calendar_business_day_flag":  0,
			"f_calendar_since_payday_bdays": 15, // 8, 11–15, 18–22, 25–28 March
			"f_calendar_until_payday_bdays": 5,  // 1–5 April
		}},
		{"customer and cohorts", features.History{
			Customer: data.Customer{CustomerID: "c1", Kind: data.PJ, UF: "RJ", Segment: "varejo", Since: day("2024-01-01")},
			Invoices: []data.Invoice{invoice("A", "2024-01-01", "2024-02-01", 100)},
		}, "2024-04-02", map[string]float64{
			"f_mix_kind_code":         1,
			"f_mix_uf_code":           1, // MG RJ SP
			"f_mix_segment_code":      1, // atacado varejo
			"f_mix_product_code":      1, // boleto carne cartao
			"f_mix_customer_age_days": 92,
			"f_mix_amount_mean_cents": 100,
			// The row of March, known at its start; April's comes after AsOf.
			// 50 + 5·1 + 2 of 100 on time, mean lateness 2 − 1 (see testCohorts).
			"f_cohort_uf_on_time_share":      0.57,
			"f_cohort_uf_late_days":          1,
			"f_cohort_segment_on_time_share": 0.57,
			"f_cohort_product_late_days":     1,
		}},
		{"unknown categories", features.History{
			Customer: data.Customer{CustomerID: "c1", Kind: data.PF, UF: "AC", Since: day("2025-01-01")},
		}, goldenAsOf, map[string]float64{
			"f_mix_kind_code":           0,
			"f_mix_uf_code":             unknown,
			"f_mix_segment_code":        unknown,
			"f_mix_customer_age_days":   unknown, // since a later day
			"f_cohort_uf_on_time_share": unknown,
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			checkValues(t, values(tc.history, day(goldenAsOf), day(tc.at)), tc.want)
		})
	}
}

func agingStory() features.History {
	return features.History{
		Invoices: []data.Invoice{
			invoice("A", "2024-01-10", "2024-02-10", 10000),
			invoice("B", "2024-02-01", "2024-03-15", 2000),
			invoice("C", "2024-01-05", "2024-01-25", 5000),
			invoice("D", goldenAsOf, "2024-04-11", 9000),
			cancelled(invoice("E", "2024-01-01", "2024-02-15", 7000), "2024-02-01"),
			cancelled(invoice("F", "2024-01-02", "2024-02-02", 1000), goldenAsOf),
		},
		Payments: []data.Payment{
			payment("1", "A", "2024-02-20", 4000),
			payment("2", "C", goldenAsOf, 5000),
		},
	}
}

func payhistStory() features.History {
	return features.History{
		Invoices: []data.Invoice{
			invoice("P1", "2023-12-20", "2024-01-10", 1000),
			invoice("P2", "2024-01-20", "2024-02-10", 3000),
			invoice("P3", "2024-02-10", "2024-03-01", 2000),
		},
		Payments: []data.Payment{
			payment("1", "P1", "2024-01-08", 1000),
			payment("2", "P2", "2024-02-07", 1000),
			payment("3", "P2", "2024-02-14", 2000),
			payment("4", "P3", goldenAsOf, 2000),
		},
	}
}

func paceStory(touches ...data.Touch) features.History {
	return features.History{
		Invoices: []data.Invoice{invoice("A", "2024-01-01", "2024-01-11", 100), invoice("B", "2024-03-01", "2024-03-20", 100)},
		Payments: []data.Payment{payment("1", "A", "2024-01-21", 100)},
		Touches:  touches,
	}
}

func touchStory() features.History {
	return features.History{
		Invoices: []data.Invoice{invoice("X", "2024-01-02", "2024-02-20", 10000)},
		Payments: []data.Payment{payment("1", "X", "2024-02-05", 1000), payment("2", "X", "2024-03-01", 1000)},
		Touches: []data.Touch{
			touch("h1", data.Hold, "2024-01-10"),
			touch("e1", data.Email, "2024-02-01"), // paid on 5 Feb
			touch("h2", data.Hold, "2024-02-10"),
			touch("s1", data.SMS, "2024-02-20"),
			touch("h3", data.Hold, "2024-02-22"),
			touch("s2", data.SMS, "2024-02-27"), // paid on 1 Mar
			touch("e2", data.Email, "2024-03-05"),
			touch("v1", data.Voice, goldenAsOf),
		},
	}
}

func engagementStory() features.History {
	return features.History{
		Touches: []data.Touch{
			touch("s1", data.SMS, "2024-01-31"),
			touch("e1", data.Email, "2024-02-21"),
			touch("e2", data.Email, "2024-03-01"),
			touch("w1", data.WhatsApp, goldenAsOf),
		},
		Events: []data.TouchEvent{
			event("s1", data.EventDelivered, noon("2024-01-31")),
			event("s1", data.EventOpened, noon("2024-02-01")),
			event("e1", data.EventDelivered, noon("2024-02-21")),
			event("e1", data.EventOpened, noon("2024-02-21").Add(2*time.Hour)),
			event("e1", data.EventOpened, noon("2024-02-21").Add(3*time.Hour)),
			event("e1", data.EventClicked, noon("2024-02-21").Add(3*time.Hour)),
			event("e1", data.EventComplained, noon("2024-02-22")),
			event("e1", data.EventReplied, noon(goldenAsOf)),
			event("e1", data.EventOpened, noon(goldenAsOf)),
			event("e2", data.EventBounced, noon("2024-03-01")),
			// Dated before its touch, which is of AsOf: not known.
			event("w1", data.EventOpened, noon("2024-03-10")),
		},
	}
}

func promiseStory() features.History {
	return features.History{
		Invoices: []data.Invoice{invoice("A", "2024-01-01", "2024-01-31", 10000)},
		Payments: []data.Payment{
			payment("1", "A", "2024-02-18", 1000), // a day of grace after Q1's date
			payment("2", "A", "2024-02-28", 999),  // one cent short of Q2
			payment("3", "A", goldenAsOf, 500),
		},
		Promises: []data.Promise{
			promise("Q1", "2024-02-10", "2024-02-17", 1000, 1),
			promise("Q2", "2024-02-10", "2024-02-29", 1000, 2),
			promise("Q3", "2024-03-01", "2024-03-08", 500, 1),
			promise("Q4", "2024-03-05", "2024-03-20", 700, 1),
			promise("Q5", goldenAsOf, "2024-03-20", 900, 1),
		},
	}
}
