package kpi

import (
	"context"
	"fmt"

	"dunning/data"
)

func (r *reading) readPromises(ctx context.Context, l *lake, cfg Config) error {
	p := &r.Promises
	p.GraceDays = cfg.GraceDays
	return l.each(ctx, "promises", func(scan func(...any) error) error {
		return scan(&p.Due, &p.Kept, &p.DueCents, &p.KeptCents, &p.Made, &p.Agreements)
	})
}

func (r *reading) readRecovery(ctx context.Context, l *lake, _ Config) error {
	v := &r.Recovery
	return l.each(ctx, "recovery", func(scan func(...any) error) error {
		return scan(&v.AssignedCents, &v.CollectedCents, &v.OpeningCents, &v.OpeningCollectedCents)
	})
}

func (r *reading) readFunnel(ctx context.Context, l *lake, _ Config) error {
	c := &r.Contacts
	for _, ch := range data.Channels {
		c.Channels = append(c.Channels, data.ChannelContacts{Channel: ch})
	}
	return l.each(ctx, "funnel", func(scan func(...any) error) error {
		var channel string
		var f data.ChannelContacts
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

func (r *reading) readReach(ctx context.Context, l *lake, _ Config) error {
	c := &r.Contacts
	return l.each(ctx, "reach", func(scan func(...any) error) error {
		return scan(&c.Channels[0].Reachable, &c.Channels[1].Reachable, &c.Channels[2].Reachable,
			&c.Channels[3].Reachable, &c.Channels[4].Reachable,
			&c.Reachable, &c.Contactable, &c.CustomersContacted, &r.Cost.BureauCents)
	})
}

func (r *reading) readActivity(ctx context.Context, l *lake, _ Config) error {
	for i := range r.Series {
		for _, ch := range data.Channels {
			r.Series[i].Channels = append(r.Series[i].Channels, data.ChannelTouches{Channel: ch})
		}
	}
	return l.each(ctx, "activity", func(scan func(...any) error) error {
		var k int
		var channel string
		var t data.ChannelTouches
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
