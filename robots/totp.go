package robots

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// totp is the one-time code of a moment (RFC 6238: SHA-1, six digits, thirty seconds), from the key that the application
// showed when the second factor was set up: in base 32, or the otpauth: address of the picture.
func totp(key string, at time.Time) (string, error) {
	if strings.HasPrefix(key, "otpauth:") {
		address, err := url.Parse(key)
		if err != nil {
			return "", errors.New("the otpauth: address of the second factor cannot be read")
		}
		key = address.Query().Get("secret")
	}
	key = strings.TrimRight(strings.ToUpper(strings.NewReplacer(" ", "", "-", "").Replace(key)), "=")
	secret, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(key)
	if err != nil || len(secret) == 0 {
		return "", errors.New("the key of the second factor is not in base 32")
	}
	var counter [8]byte
	binary.BigEndian.PutUint64(counter[:], uint64(at.Unix()/30))
	mac := hmac.New(sha1.New, secret)
	mac.Write(counter[:])
	sum := mac.Sum(nil)
	start := sum[len(sum)-1] & 15
	code := binary.BigEndian.Uint32(sum[start:start+4]) & 0x7fffffff
	return fmt.Sprintf("%06d", code%1_000_000), nil
}
