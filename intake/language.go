package intake

import "github.com/abadojack/whatlanggo"

// Language guesses the language of a text (ISO 639-1) among those that the company's people speak. A text that is too
// short or too mixed to tell gives the fallback.
func Language(text string, spoken []string, fallback string) string {
	options := whatlanggo.Options{}
	if len(spoken) > 0 {
		options.Whitelist = map[whatlanggo.Lang]bool{}
		for lang := range whatlanggo.Langs {
			for _, code := range spoken {
				if lang.Iso6391() == code {
					options.Whitelist[lang] = true
				}
			}
		}
	}
	info := whatlanggo.DetectWithOptions(text, options)
	code := info.Lang.Iso6391()
	if code == "" || len([]rune(text)) < 12 {
		return fallback
	}
	return code
}
