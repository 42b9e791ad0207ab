package sandbox

import (
	_ "embed"
	"math/rand/v2"
	"strings"
	"sync"

	"gopkg.in/yaml.v3"
)

//go:embed prose.yaml
var proseYAML []byte

// phrases are the texts of prose.yaml: by occasion, by language.
var phrases = sync.OnceValue(func() map[string]map[string][]string {
	var raw map[string]map[string]yaml.Node
	if err := yaml.Unmarshal(proseYAML, &raw); err != nil {
		panic("sandbox: prose.yaml: " + err.Error()) // embedded; a test reads every text
	}
	all := map[string]map[string][]string{}
	for occasion, byLanguage := range raw {
		all[occasion] = map[string][]string{}
		for language, node := range byLanguage {
			var list []string
			if node.Kind == yaml.ScalarNode {
				list = []string{node.Value}
			} else if err := node.Decode(&list); err != nil {
				panic("sandbox: prose.yaml: " + err.Error())
			}
			all[occasion][language] = list
		}
	}
	return all
})

func phrase(r *rand.Rand, occasion, language string) string {
	return pick(r, phrases()[occasion][language])
}

// sloppyOrder writes an order number as people do.
func sloppyOrder(r *rand.Rand, number string) string {
	return pick(r, []string{"", "#", "WEB-", "WEB ", "web", "Nr. ", "No. "}) + number
}

// sloppyPhone writes a number of E.164 as people do.
func sloppyPhone(r *rand.Rand, number string) string {
	digits := strings.TrimPrefix(number, "+")
	tail, head := digits[len(digits)-7:], digits[:len(digits)-7]
	area, calling := head[len(head)-2:], head[:len(head)-2]
	spaced := tail[:3] + " " + tail[3:5] + " " + tail[5:]
	return pick(r, []string{
		number,
		"00" + calling + " " + area + " " + spaced,
		"0" + area + "/" + tail,
		"+" + calling + " (0) " + area + "-" + spaced,
		"0" + area + " " + spaced,
	})
}
