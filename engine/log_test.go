package engine

import (
	"bytes"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/server/common/log/tag"
)

func TestServerLog(t *testing.T) {
	t.Parallel()
	var text bytes.Buffer
	handler := slog.NewTextHandler(&text, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}})
	logger := newServerLogger(Options{Logger: slog.New(handler)})
	logger.Debug("no")
	logger.Info("no")
	logger.Warn(needless + ".")
	logger.With(tag.WorkflowID("w")).Warn("slow", tag.Attempt(3))
	logger.ending.Store(true)
	logger.Warn("the other one is gone")
	logger.Error("lost", tag.Attempt(4))
	require.Equal(t, "level=WARN msg=\"temporal: slow\" wf-id=w attempt=3\nlevel=ERROR msg=\"temporal: lost\" attempt=4\n", text.String())
	require.PanicsWithValue(t, fatal{"no port, attempt 5"}, func() { logger.Fatal("no port", tag.Attempt(5)) })
}
