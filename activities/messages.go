package activities

import (
	"context"
	"encoding/json"
	"slices"

	"crosswalk/rules"
	"crosswalk/store"
)

// ReadMessagesInput says which messages of the case are done.
type ReadMessagesInput struct {
	Case string   `json:"case"`
	Done []string `json:"done,omitempty"`
}

// ReadMessagesOutput is what has joined since.
type ReadMessagesOutput struct {
	Messages []Message `json:"messages,omitempty"`
}

// ReadMessages reads the messages that have joined the case, the oldest first.
func (a *Activities) ReadMessages(ctx context.Context, in ReadMessagesInput) (ReadMessagesOutput, error) {
	entries, err := a.Store.Messages(ctx, in.Case)
	if err != nil {
		return ReadMessagesOutput{}, storeError(NameReadMessages, err)
	}
	var out ReadMessagesOutput
	for _, entry := range entries {
		if entry.Kind == store.KindNew || entry.State == store.EntryIgnored || slices.Contains(in.Done, entry.ID) {
			continue
		}
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
