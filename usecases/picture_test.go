package usecases

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPicture(t *testing.T) {
	t.Parallel()
	text := `usecase: picture
title: 'A <b>picture</b> & more'
input: {list: {type: array, items: string, required: true}, go: boolean}
steps:
  - {id: first, title: 'First </text><script>alert(1)</script>', set: {value: 1}}
  - id: way
    choose:
      - when: first == 1 and "<" != ">"
        steps: [{id: inner, set: {value: 2}}, {id: question, ask: {queue: desk, what: approve}}]
      - when: input.go ?? false
        steps: [{end: {outcome: early}}]
  - id: all
    each: {in: '${input.list}', as: one, steps: [{id: mark, set: {value: '${one}'}, on_error: {internal: [], validation: [{set: {value: '${one}'}}]}}]}
  - id: both
    together: {branches: {left: [{id: one_side, set: {value: 1}}], right: [{id: other_side, set: {value: 2}}]}}
  - {id: pause, wait: {for: 3 days}}
  - id: last
    when: first == 1
    set: {value: '${inner}'}
  - end: {result: '${all}'}
joined:
  - set: {value: '${message.text}'}
`
	plan, problems := Check("picture.yaml", []byte(text), Environment{})
	require.NoError(t, problems.Err())
	picture := string(plan.Picture(PictureOptions{Marks: map[string]Mark{"first": MarkDone, "all[3].mark": MarkFailed, "way[0].question": MarkHere}}))
	require.NoError(t, wellFormed(picture))
	require.NotContains(t, picture, "<script")
	require.NotContains(t, picture, "<b>")
	for _, want := range []string{
		`role="img"`, "<title id=\"picture-picture-title\">A &lt;b&gt;picture&lt;/b&gt; &amp; more</title>", "15 steps. first: sets a value; way: chooses a way",
		`class="diamond"`, `class="box set done"`, `class="box set failed"`, `class="box ask here"`, `class="loop"`, `class="way"`, "goes on without a result",
		"on error validation", "for each further message of the case", "otherwise", "prefers-color-scheme: dark", "when first == 1", ">left<", ">right<", ">waits<", "both: side by side",
	} {
		require.Contains(t, picture, want)
	}
	require.Equal(t, picture, string(plan.Picture(PictureOptions{Marks: map[string]Mark{"way[0].question": MarkHere, "all[3].mark": MarkFailed, "first": MarkDone}})))
	inside := string(plan.Picture(PictureOptions{Inside: true}))
	require.NotContains(t, inside, "<style")
	require.NotContains(t, inside, "style=", "a page's policy may forbid it")
}

// wellFormed reads a picture as XML.
func wellFormed(picture string) error {
	for decoder := xml.NewDecoder(strings.NewReader(picture)); ; {
		if _, err := decoder.Token(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}
