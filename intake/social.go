package intake

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// xEvent is what X's Account Activity webhook delivers, as far as we read it.
type xEvent struct {
	ForUserID string   `json:"for_user_id"`
	Created   []xPost  `json:"tweet_create_events"`
	Deleted   []xGone  `json:"tweet_delete_events"`
	Direct    []xDM    `json:"direct_message_events"`
	Users     xUserMap `json:"users"`
}

type xUserMap map[string]xUser

type xUser struct {
	ID         string `json:"id_str"`
	Name       string `json:"name"`
	ScreenName string `json:"screen_name"`
}

type xPost struct {
	ID        string `json:"id_str"`
	Text      string `json:"text"`
	CreatedAt string `json:"created_at"`
	User      xUser  `json:"user"`
	ReplyTo   string `json:"in_reply_to_status_id_str"`
	Extended  struct {
		FullText string `json:"full_text"`
	} `json:"extended_tweet"`
	Retweeted *json.RawMessage `json:"retweeted_status"`
	Edits     struct {
		Initial string   `json:"initial_tweet_id"`
		IDs     []string `json:"edit_tweet_ids"`
	} `json:"edit_history"`
}

type xGone struct {
	Status struct {
		ID     string `json:"id"`
		UserID string `json:"user_id"`
	} `json:"status"`
}

type xDM struct {
	ID      string `json:"id"`
	Type    string `json:"type"`
	Created string `json:"created_timestamp"`
	Message struct {
		SenderID string `json:"sender_id"`
		Data     struct {
			Text string `json:"text"`
		} `json:"message_data"`
	} `json:"message_create"`
}

// ParseX reads one delivery of X's Account Activity webhook into messages. Posts of the account itself, and shared
// posts of others, are not complaints to it and are left out.
func ParseX(body []byte, received time.Time) ([]Message, error) {
	var event xEvent
	if err := json.Unmarshal(body, &event); err != nil {
		return nil, fmt.Errorf("%w: %s", ErrMalformed, err)
	}
	var messages []Message
	for _, post := range event.Created {
		if post.User.ID == event.ForUserID && event.ForUserID != "" || post.Retweeted != nil || post.ID == "" {
			continue
		}
		text := post.Text
		if post.Extended.FullText != "" {
			text = post.Extended.FullText
		}
		m := Message{Channel: "social", ID: "post:" + post.ID, Text: cleanText(text), ReceivedAt: received, Raw: body,
			From: Sender{Handle: cleanLine(post.User.ScreenName), Name: cleanLine(post.User.Name)}}
		if post.ReplyTo != "" {
			m.ThreadIDs = append(m.ThreadIDs, "post:"+post.ReplyTo)
		}
		if edits := post.Edits.IDs; len(edits) > 1 && post.ID != edits[0] {
			m.Change = Edited
			for _, earlier := range edits {
				if earlier != post.ID && !slices.Contains(m.ThreadIDs, "post:"+earlier) {
					m.ThreadIDs = append(m.ThreadIDs, "post:"+earlier)
				}
			}
		}
		messages = append(messages, m)
	}
	for _, gone := range event.Deleted {
		if gone.Status.ID != "" {
			messages = append(messages, Message{Channel: "social", ID: "post:" + gone.Status.ID, Change: Deleted, ReceivedAt: received,
				ThreadIDs: []string{"post:" + gone.Status.ID}, Text: "The author deleted the post.", Raw: body})
		}
	}
	for _, direct := range event.Direct {
		if direct.Type != "message_create" || direct.Message.SenderID == event.ForUserID {
			continue
		}
		user, text := event.Users[direct.Message.SenderID], cleanText(direct.Message.Data.Text)
		if text == "" {
			text = "(a message without words)"
		}
		messages = append(messages, Message{Channel: "social", ID: "dm:" + direct.ID, Text: text, ReceivedAt: received, Raw: body,
			From: Sender{Handle: cleanLine(user.ScreenName), Name: cleanLine(user.Name)}})
	}
	return messages, nil
}
