package sandbox

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// webhookTries is how often a webhook is sent before it is given up, with growing pauses (1 s, 2 s, 4 s …).
const webhookTries = 8

// setWebhook tells the support system where to send status changes, and with which secret to sign them. No URL: nowhere.
func (s *support) setWebhook(ctx context.Context, url, secret string) error {
	if err := s.state.set(ctx, "webhook secret", secret); err != nil {
		return err
	}
	return s.state.set(ctx, "webhook url", url)
}

// announce stores, in the transaction of the change, the webhook that tells of a new status. The trigger leaves out
// what the integration itself has done, as an administrator would set it up.
func (s *support) announce(ctx context.Context, tx *statements, t ticket, before string, actor int64, now time.Time) error {
	var url string
	if err := tx.row(ctx, `SELECT coalesce(max(value), '') FROM meta WHERE key = 'webhook url'`, nil, &url); err != nil {
		return err
	}
	if u, ok := s.user(actor); url == "" || ok && hasEmail(u, SupportLogin.User) {
		return nil
	}
	external := ""
	if t.ExternalID != nil {
		external = *t.ExternalID
	}
	body, err := json.Marshal(object{
		"account_id": 22129848, "id": fmt.Sprintf("%x", sha256.Sum256(fmt.Appendf(nil, "%d %d", t.ID, now.UnixNano())))[:32],
		"type": "zen:event-type:ticket.status_changed", "subject": "zen:ticket:" + strconv.FormatInt(t.ID, 10),
		"time": now.UTC().Format(time.RFC3339Nano), "zendesk_event_version": "2022-11-06",
		"event": object{"current": strings.ToUpper(t.Status), "previous": strings.ToUpper(before)},
		"detail": object{
			"id": strconv.FormatInt(t.ID, 10), "actor_id": strconv.FormatInt(actor, 10), "assignee_id": idText(t.AssigneeID),
			"brand_id": strconv.FormatInt(t.BrandID, 10), "created_at": t.CreatedAt, "custom_status": nil, "description": t.Description,
			"external_id": textOrNull(external), "form_id": nil, "group_id": idText(t.GroupID), "is_public": t.IsPublic,
			"organization_id": nil, "priority": upperOrNull(t.Priority), "requester_id": strconv.FormatInt(t.RequesterID, 10),
			"status": strings.ToUpper(t.Status), "subject": t.Subject, "submitter_id": strconv.FormatInt(t.SubmitterID, 10),
			"tags": t.Tags, "type": upperOrNull(t.Type), "updated_at": t.UpdatedAt, "via": object{"channel": "web_service"},
		},
	})
	if err != nil {
		return err
	}
	if _, err = tx.exec(ctx, `INSERT INTO webhooks (url, body, due) VALUES (?, ?, ?)`, url, string(body), now.UnixMilli()); err == nil {
		s.due.Store(true)
	}
	return err
}

func idText(id *int64) any {
	if id == nil {
		return nil
	}
	return strconv.FormatInt(*id, 10)
}

func upperOrNull(s *string) any {
	if s == nil {
		return nil
	}
	return strings.ToUpper(*s)
}

func (s *support) nudge() {
	select {
	case s.wake <- struct{}{}:
	default: // one is under way already
	}
}

// deliver sends webhooks until the context ends.
func (s *support) deliver(ctx context.Context) {
	for {
		wait := time.Minute
		if next, err := s.deliverDue(ctx); err != nil && ctx.Err() == nil {
			s.log.Error("webhooks", "error", err)
		} else if next > 0 {
			wait = next
		}
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
		case <-time.After(wait):
		}
	}
}

// deliverDue sends what is due and tells in how long the next one is; 0: there is none.
func (s *support) deliverDue(ctx context.Context) (time.Duration, error) {
	for {
		var id, due int64
		var tries int
		var url, body string
		err := s.state.read.row(ctx, `SELECT id, url, body, tries, due FROM webhooks ORDER BY due, id LIMIT 1`, nil, &id, &url, &body, &tries, &due)
		if err == sql.ErrNoRows {
			return 0, nil
		}
		if err != nil {
			return 0, err
		}
		if wait := time.Until(time.UnixMilli(due)); wait > 0 {
			return wait, nil
		}
		statement, args := `DELETE FROM webhooks WHERE id = ?`, []any{id}
		if err := s.post(ctx, url, body, id); err != nil {
			s.log.Warn("a webhook was not taken", "url", url, "try", tries+1, "error", err)
			if tries+1 < webhookTries {
				statement, args = `UPDATE webhooks SET tries = tries + 1, due = ? WHERE id = ?`, []any{time.Now().Add(time.Second << tries).UnixMilli(), id}
			}
		}
		if _, err := s.state.write.write(context.WithoutCancel(ctx), statement, args...); err != nil {
			return 0, err
		}
	}
}

// post sends a webhook, signed over its timestamp and body.
func (s *support) post(ctx context.Context, url, body string, id int64) error {
	secret, err := s.state.get(ctx, "webhook secret")
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return err
	}
	at := stamp(time.Now())
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	r.Header.Set("User-Agent", "Zendesk Webhook")
	r.Header.Set("X-Zendesk-Account-Id", "22129848")
	r.Header.Set("X-Zendesk-Webhook-Id", "01NORDWINDHOMEWEBHOOK")
	r.Header.Set("X-Zendesk-Webhook-Invocation-Id", fmt.Sprintf("01INVOCATION%d", id))
	r.Header.Set("X-Zendesk-Webhook-Signature-Timestamp", at)
	r.Header.Set("X-Zendesk-Webhook-Signature", SignWebhook(secret, at, body))
	answer, err := s.client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode >= 300 {
		return fmt.Errorf("answered %s", answer.Status)
	}
	return nil
}

// SignWebhook is the signature of the support system: HMAC-SHA256 over timestamp and body, in base64.
func SignWebhook(secret, timestamp, body string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(timestamp + body))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
