package intake

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"crosswalk/rules"
)

const formType = "application/x-www-form-urlencoded"

// maxFormDepth is how many names in brackets a field of a form has at most.
const maxFormDepth = 10

// fieldsOfForm reads a webhook that is posted as a form (Mailchimp): data[merges][FNAME]=Ann is a record in a record, a
// name that comes several times or ends with [] is a list, and every value is text.
func fieldsOfForm(body string) (rules.Value, error) {
	values, err := url.ParseQuery(body)
	if err != nil {
		return rules.Value{}, err
	}
	root := map[string]any{}
	for name, texts := range values {
		if err := putField(root, name, texts); err != nil {
			return rules.Value{}, err
		}
	}
	text, err := json.Marshal(root)
	if err != nil {
		return rules.Value{}, err
	}
	return rules.FromJSON(text)
}

func putField(record map[string]any, name string, texts []string) error {
	path := strings.Split(strings.ReplaceAll(name, "]", ""), "[")
	list := len(path) > 1 && path[len(path)-1] == ""
	if list {
		path = path[:len(path)-1]
	}
	if len(path) > maxFormDepth {
		return fmt.Errorf("the field %.40s lies too deep", name)
	}
	for _, part := range path[:len(path)-1] {
		if record[part] == nil {
			record[part] = map[string]any{}
		}
		inner, is := record[part].(map[string]any)
		if !is {
			return fmt.Errorf("the field %.40s lies in one that is a text", name)
		}
		record = inner
	}
	last := path[len(path)-1]
	if record[last] != nil {
		return fmt.Errorf("the field %.40s is there in two forms", name)
	}
	if list || len(texts) > 1 {
		record[last] = texts
	} else {
		record[last] = texts[0]
	}
	return nil
}
