package store

import (
	"context"
	"errors"
	"time"
)

// WebhookRetention is how long the ids of webhooks are remembered at least: senders repeat for days.
const WebhookRetention = 30 * 24 * time.Hour

// WebhookSeen tells whether the webhook has been handled. It is asked before handling and RememberWebhook called
// after: a crash in between repeats the handling, which must bear that, instead of losing it.
func (s *Store) WebhookSeen(ctx context.Context, source, id string) (bool, error) {
	var at int64
	err := s.read().scalar(ctx, "SELECT seen_at FROM webhooks WHERE source = ? AND webhook_id = ?", []any{source, indexed(id)}, &at)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, wrap("webhook", err)
}

// RememberWebhook records that the webhook has been handled; first is false if someone else was faster.
func (s *Store) RememberWebhook(ctx context.Context, source, id string) (first bool, err error) {
	err = s.write(ctx, "remember webhook", func(tx session) error {
		first, err = tx.insert(ctx, "webhooks", "source, webhook_id, seen_at", []any{source, indexed(id), s.now()}, "ON CONFLICT DO NOTHING")
		return err
	})
	return first, err
}

// ForgetWebhooks drops ids older than WebhookRetention.
func (s *Store) ForgetWebhooks(ctx context.Context) (int64, error) {
	var n int64
	err := s.write(ctx, "forget webhooks", func(tx session) (err error) {
		n, err = tx.exec(ctx, "DELETE FROM webhooks WHERE seen_at < ?", s.now().Add(-WebhookRetention))
		return err
	})
	return n, err
}
