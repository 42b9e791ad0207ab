package spreadsheet

import (
	"encoding/xml"
	"math"
	"strconv"
	"strings"
	"time"
)

// format is how a number is shown, as far as it changes what people think that it is.
type format uint8

const (
	plain format = iota
	percent
	date
	dateTime
	timeOfDay
)

const maxFormats = 70_000

// styles reads the number formats of the styles.
func (w *workbook) styles(part string) error {
	custom := map[string]format{}
	return w.parts.each(part, func(e xml.StartElement, within []string) error {
		switch {
		case e.Name.Local == "numFmt" && len(custom) < maxFormats:
			custom[attribute(e, "numFmtId")] = formatOf(attribute(e, "formatCode"))
		case e.Name.Local == "xf" && len(within) > 0 && within[len(within)-1] == "cellXfs" && len(w.formats) < maxFormats:
			id := attribute(e, "numFmtId")
			if f, ok := custom[id]; ok {
				w.formats = append(w.formats, f)
			} else {
				w.formats = append(w.formats, builtIn(id))
			}
		}
		return nil
	}, nothing)
}

// builtIn are the formats that have no code in the file.
func builtIn(id string) format {
	n, _ := strconv.Atoi(id)
	switch {
	case n == 9 || n == 10:
		return percent
	case n == 22:
		return dateTime
	case n >= 14 && n <= 17, n >= 27 && n <= 31, n == 36, n >= 50 && n <= 58:
		return date
	case n >= 18 && n <= 21, n >= 32 && n <= 35, n >= 45 && n <= 47:
		return timeOfDay
	default:
		return plain
	}
}

// formatOf reads a format's code: what is in quotes, escaped or in square brackets is not part of it, save
// for [h] and its like.
func formatOf(code string) format {
	var letters strings.Builder
	code = strings.ToLower(code)
	for i := 0; i < len(code); i++ {
		switch c := code[i]; c {
		case '"':
			if end := strings.IndexByte(code[i+1:], '"'); end >= 0 {
				i += end + 1
			}
		case '\\', '_', '*':
			i++
		case '[':
			end := strings.IndexByte(code[i:], ']')
			if end < 0 {
				continue
			}
			if inner := code[i+1 : i+end]; inner != "" && strings.Trim(inner, "hms") == "" {
				letters.WriteString("h")
			}
			i += end
		case ';':
			i = len(code) // the others are for negative numbers, zero and texts
		default:
			letters.WriteByte(c)
		}
	}
	text := letters.String()
	if strings.Contains(text, "general") {
		return plain
	}
	day, hour := strings.ContainsAny(text, "yd"), strings.ContainsAny(text, "hs")
	switch {
	case strings.Contains(text, "%"):
		return percent
	case day && hour:
		return dateTime
	case hour:
		return timeOfDay
	case day || strings.Contains(text, "m"):
		return date
	default:
		return plain
	}
}

// numberText writes a number as Excel shows it, which is with 15 digits at most. lost says that the number
// has more of them, or had: then nobody knows what was typed.
func numberText(raw string) (text string, lost, ok bool) {
	f, err := strconv.ParseFloat(strings.TrimSpace(raw), 64)
	if err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
		return "", false, false
	}
	rounded, _ := strconv.ParseFloat(strconv.FormatFloat(f, 'g', 15, 64), 64)
	lost = rounded != f || math.Abs(f) >= 1e15
	if f == 0 {
		return "0", false, true
	}
	if abs := math.Abs(f); abs < 1e-20 || abs > 1e30 {
		return strconv.FormatFloat(rounded, 'g', -1, 64), true, true
	}
	return strconv.FormatFloat(rounded, 'f', -1, 64), lost, true
}

// dayText is the date that a number stands for; false if there is none, or if there is a time of day too.
func (w *workbook) dayText(raw string) (string, bool) {
	f, err := strconv.ParseFloat(strings.TrimSpace(raw), 64)
	if err != nil || f < 0 || f > 2_958_465 || f != math.Trunc(f) {
		return "", false
	}
	start := time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC)
	switch {
	case w.epoch == 1904:
		start = time.Date(1904, 1, 1, 0, 0, 0, 0, time.UTC)
	case f == 60 || f < 1: // 29 February 1900, which there never was
		return "", false
	case f < 60:
		start = start.AddDate(0, 0, 1)
	}
	return start.AddDate(0, 0, int(f)).Format(time.DateOnly), true
}
