package telemetry

import (
	"io"
	"log/slog"
	"strings"
)

// personal are the words in an attribute's key that mark a value of a person; such values are
// dropped, because a log outlives every promise of deletion.
var personal = []string{"email", "mobile", "phone", "address", "recipient", "name_", "real_name", "id_number", "code", "password", "passphrase", "token", "body", "subject"}

// NewLogger writes JSON lines to w, from level ("debug", "info", "warn", "error") on.
func NewLogger(w io.Writer, level string) *slog.Logger {
	var l slog.Level
	if l.UnmarshalText([]byte(level)) != nil {
		l = slog.LevelInfo
	}
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: l, ReplaceAttr: scrub}))
}

func scrub(_ []string, a slog.Attr) slog.Attr {
	key := strings.ToLower(a.Key)
	for _, word := range personal {
		if strings.Contains(key, word) {
			return slog.String(a.Key, "(dropped)")
		}
	}
	return a
}
