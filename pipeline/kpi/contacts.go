package kpi

import (
	"context"
	"fmt"
	"math"
	"strconv"

	"dunning/data"
)

func (r *Indicators) readPromises(ctx context.Context, l *lake, cfg Config) error {
	p := &r.Promises
	p.GraceDays = cfg.GraceDays
	return l.each(ctx, "promises", func(scan func(...any) error) error {
		return scan(&p.Due, &p.Kept, &p.DueCents, &p.KeptCents, &p.Made, &p.Agreements)
	})
}

func (r *Indicators) readRecovery(ctx context.Context, l *lake, _ Config) error {
	v := &r.Recovery
	return l.each(ctx, "recovery", func(scan func(...any) error) error {
		return scan(&v.AssignedCents, &v.CollectedCents, &v.OpeningCents, &v.OpeningCollectedCents)
	})
}

func (r *Indicators) readFunnel(ctx context.Context, l *lake, _ Config) error {
	c := &r.Contacts
	for _, ch := range data.Channels {
		c.Channels = append(c.Channels, ChannelContacts{Channel: ch})
	}
	return l.each(ctx, "funnel", func(scan func(...any) error) error {
		var channel string
		var f ChannelContacts
		if err := scan(&channel, &f.Sent, &f.Delivered, &f.Opened, &f.Replied, &f.Bounced, &f.CostCents); err != nil {
			return err
		}
		i, err := channelIndex(channel)
		if err != nil {
			return err
		}
		f.Channel = data.Channels[i]
		c.Channels[i] = f
		c.Touches += f.Sent
		c.RightParty += f.Replied
		r.Cost.TouchCents += f.CostCents
		return nil
	})
}

func (r *Indicators) readReach(ctx context.Context, l *lake, _ Config) error {
	c := &r.Contacts
	return l.each(ctx, "reach", func(scan func(...any) error) error {
		return scan(&c.Channels[0].Reachable, &c.Channels[1].Reachable, &c.Channels[2].Reachable,
			&c.Channels[3].Reachable, &c.Channels[4].Reachable,
			&c.Reachable, &c.Contactable, &c.CustomersContacted, &r.Cost.BureauCents)
	})
}

func (r *Indicators) readActivity(ctx context.Context, l *lake, _ Config) error {
	for i := range r.Series {
		for _, ch := range data.Channels {
			r.Series[i].Channels = append(r.Series[i].Channels, ChannelTouches{Channel: ch})
		}
	}
	return l.each(ctx, "activity", func(scan func(...any) error) error {
		var k int
		var channel string
		var t ChannelTouches
		if err := scan(&k, &channel, &t.Touches, &t.CostCents); err != nil {
			return err
		}
		i, err := channelIndex(channel)
		if err != nil {
			return err
		}
		t.Channel = data.Channels[i]
		r.Series[k-1].Channels[i] = t
		return nil
	})
}

func channelIndex(name string) (int, error) {
	if i := data.Channel(name).Index(); i >= 0 {
		return i, nil
	}
	return 0, fmt.Errorf("touches: %w %q", data.ErrUnknownChannel, name)
}

// arm is one side of the comparison with the holdout: how many customers, what
// they paid, and the sum of squares of that, in cents².
type arm struct {
	n       int64
	sum     data.Cents
	squares float64
}

// variance is the sample variance of what a customer paid.
func (a arm) variance() float64 {
	n, mean := float64(a.n), float64(a.sum)/float64(a.n)
	return max(0, (a.squares-n*mean*mean)/(n-1))
}

func (r *Indicators) readIncremental(ctx context.Context, l *lake, _ Config) error {
	var treated, holdout arm
	v := &r.Incremental
	err := l.each(ctx, "incremental", func(scan func(...any) error) error {
		var held bool
		var a arm
		var squares string
		var cost data.Cents
		if err := scan(&held, &a.n, &a.sum, &squares, &cost); err != nil {
			return err
		}
		var err error
		if a.squares, err = strconv.ParseFloat(squares, 64); err != nil {
			return err
		}
		if held {
			holdout = a
		} else {
			treated, v.SpendCents = a, cost
		}
		return nil
	})
	v.TreatedCustomers, v.TreatedCents = treated.n, treated.sum
	v.HoldoutCustomers, v.HoldoutCents = holdout.n, holdout.sum
	if err != nil || treated.n < 2 || holdout.n < 2 {
		return err
	}
	v.compare(treated, holdout)
	return nil
}

// normal95 is the 0.975 quantile of the standard normal distribution.
const normal95 = 1.959963984540054

// compare scales the holdout to the treated customers and divides the spend by
// the difference; the interval is Welch's, by the normal approximation.
func (v *Incremental) compare(treated, holdout arm) {
	nt, nh := float64(treated.n), float64(holdout.n)
	increment := float64(treated.sum) - float64(holdout.sum)*nt/nh
	half := normal95 * nt * math.Sqrt(treated.variance()/nt+holdout.variance()/nh)
	lo, hi := increment-half, increment+half
	v.IncrementCents, v.IncrementLo, v.IncrementHi = &increment, &lo, &hi
	spend := float64(v.SpendCents)
	if increment > 0 {
		v.PerReal = quotient(spend, increment)
	}
	if hi > 0 {
		v.PerRealLo = quotient(spend, hi)
	}
	if lo > 0 {
		v.PerRealHi = quotient(spend, lo)
	}
}
