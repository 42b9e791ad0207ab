package robots

import (
	"bytes"
	"image/png"
	"net/http"
	"testing"

	"github.com/go-rod/rod/lib/proto"
	"github.com/stretchr/testify/require"
)

// TestMaskedPixels looks at the pixels of a real picture: what must not be seen is drawn in a colour that nothing else has, and
// with the mask on, no pixel of it is left.
func TestMaskedPixels(t *testing.T) {
	t.Parallel()
	p := servePages(t)
	p.mux.HandleFunc("GET /pixels", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(`<body style="font-size:40px"><p>Welcome</p>
			<p style="color:#f0f">hunter-2009</p>
			<p>inside <b style="color:#f0f">a hunter-2009 text</b></p>
			<input style="color:#f0f;font-size:40px" value="hunter-2009">
			<textarea style="color:#f0f;font-size:40px">x hunter-2009 y</textarea>
			<input type="password" style="color:#f0f;font-size:40px" value="anything">
			<table><tr><td>IBAN:</td><td style="color:#f0f">DE44 5001</td></tr></table>
			<iframe srcdoc="<p style='color:#f0f;font-size:40px'>hunter-2009</p>"></iframe>`))
	})
	ctx, tb := openPage(t, p, "pixels")
	marked := func() (count, others int) {
		shot, err := proto.PageCaptureScreenshot{Format: proto.PageCaptureScreenshotFormatPng}.Call(tb.on(ctx, tb.page))
		require.NoError(t, err)
		picture, err := png.Decode(bytes.NewReader(shot.Data))
		require.NoError(t, err)
		for y := range picture.Bounds().Dy() {
			for x := range picture.Bounds().Dx() {
				r, g, b, _ := picture.At(x, y).RGBA()
				switch r, g, b = r>>8, g>>8, b>>8; {
				case r > g+40 && b > g+40:
					count++
				case r < 128 && g < 128 && b < 128:
					others++
				}
			}
		}
		return count, others
	}
	_, err := tb.read(ctx, exact("text", "Welcome"))
	require.NoError(t, err)
	count, others := marked()
	require.Positive(t, count)
	require.Positive(t, others)
	for _, f := range tb.allFrames() {
		require.NoError(t, tb.call(ctx, f, "mask", map[string]any{"secrets": []string{"hunter-2009"}, "targets": []*spec{exact("label", "IBAN")}}, nil))
	}
	count, others = marked()
	require.Zero(t, count, "pixels of what must not be seen")
	require.Positive(t, others, "the rest is there")
}
