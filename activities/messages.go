package activities

import (
	"context"
	"encoding/json"

	"crosswalk/rules"
	"crosswalk/store"
)

// messagesAtOnce is how many messages one read gives at most, so that neither the case nor its history holds them all.
const messagesAtOnce = 20

// ReadMessagesInput says which messages of the case are done since the read before.
type ReadMessagesInput struct {
	Case string   `json:"case"`
	Done []string `json:"done,omitempty"`
	// Read counts the reads of the case from 1. A workflow task that is done again after a crash reads again what was
	// done only in the attempt that is lost.
	Read int `json:"read"`
}

// ReadMessagesOutput is what is not done yet.
type ReadMessagesOutput struct {
	Messages []Message `json:"messages,omitempty"`
	More     bool      `json:"more,omitempty"` // there are further ones
}

// ReadMessages reads messages that have joined the case and are not done, the oldest first.
func (a *Activities) ReadMessages(ctx context.Context, in ReadMessagesInput) (ReadMessagesOutput, error) {
	entries, err := a.Store.NextMessages(ctx, in.Case, in.Read, in.Done, messagesAtOnce+1)
	if err != nil {
		return ReadMessagesOutput{}, storeError(NameReadMessages, err)
	}
	var out ReadMessagesOutput
	if len(entries) > messagesAtOnce {
		entries, out.More = entries[:messagesAtOnce], true
	}
	for _, entry := range entries {
		message, err := messageOf(entry)
		if err != nil {
			return ReadMessagesOutput{}, storeError(NameReadMessages, err)
		}
		out.Messages = append(out.Messages, message)
	}
	return out, nil
}

// messageOf shows an entry as use cases see it. What it holds depends on the channel; a text there always is.
func messageOf(entry store.Entry) (Message, error) {
	var parsed rules.Value
	if len(entry.Parsed) > 0 {
		if err := json.Unmarshal(entry.Parsed, &parsed); err != nil {
			return Message{}, err
		}
	}
	message := Message{Entry: entry.ID, Channel: entry.Channel, Text: rules.Text(parsed.Get("text").Text()), ReceivedAt: entry.ReceivedAt}
	from := parsed.Get("from")
	for _, key := range []string{"email", "handle", "phone", "name"} {
		if from.Kind() == rules.KindRecord && !from.Get(key).IsMissing() {
			from = from.Get(key)
		}
	}
	if from.Kind() == rules.KindText {
		message.From = from
	}
	return message, nil
}
